int near_by(int);
int far_away(int x) { return near_by(x) + near_by(x); }
