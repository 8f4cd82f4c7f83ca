"""Processes that run what need not be trusted: started, bounded, shielded, and listened to."""
