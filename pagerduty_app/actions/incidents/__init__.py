"""The actions on incidents and services: create, get, update, list, notes."""
