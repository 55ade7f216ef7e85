"""The program that reads workbooks; it is run as a directory, so its modules import each other by their bare names."""

TOO_LARGE, NO_SHEET = 3, 4  # exit statuses of the program
