"""What the machine offers to a process, whichever server it is."""
