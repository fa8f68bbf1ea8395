"""What figures and tables are made of: each file turns one kind of record into frames aggregated over seeds."""
