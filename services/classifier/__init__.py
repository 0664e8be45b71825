"""Judge news: is it an attack on care, how bad, on whom, and by which words."""
