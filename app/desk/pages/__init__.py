"""The pages of the counsellor's desk: thin, over functions that know no page."""
