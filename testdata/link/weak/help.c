int only_with_the_member;
int in_archive_only(void) { return 1; }
