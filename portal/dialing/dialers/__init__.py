"""The dialer: the process that places calls over the trunks of all accounts. Any number may run."""
