"""A long statement against a made book, with breaks of every kind planted at random among what only looks like one."""
