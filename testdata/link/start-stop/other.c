__attribute__((section("numbers"), used)) static const int c = 10;
