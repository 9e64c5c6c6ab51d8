"""What must survive: requests, replies, outcomes, rows, and what each stage has done."""
