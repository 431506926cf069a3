"""Measures of the bot."""
