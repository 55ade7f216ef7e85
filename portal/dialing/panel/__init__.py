"""What the page of a batch says about its dialing: the calls on the line, those that wait and why, rate and results."""
