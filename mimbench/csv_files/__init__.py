"""CSV files, read as people write them and written safely for spreadsheets."""
