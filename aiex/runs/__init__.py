"""What every door does around a job: its session, its steps, and what an error means for its outcome."""
