"""SQL, which holds the truth: tables, transactions, and what is read and written in each."""
