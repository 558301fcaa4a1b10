"""A fitted detector as a static web page that needs no server and sends no photo anywhere."""
