"""The book: execute notebooks, build the site, check its pages, make slides, and the theme that dresses them."""
