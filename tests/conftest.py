"""Whoever runs the tests, they see what a user without root's rights sees."""

from tests.rights import give_up

give_up()
