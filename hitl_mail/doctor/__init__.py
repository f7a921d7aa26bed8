"""`doctor`: what is wrong with a home, and what to do about it. Changes nothing, but that it sends
one mail to the site itself."""
