"""From what the user asked for to records: plan, run, supervise."""
