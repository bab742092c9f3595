"""Human rating: tasks drawn, assigned blind, sent to Argilla or to spreadsheets, and brought back."""
