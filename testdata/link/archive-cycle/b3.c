int unneeded = 3;
