//! The dossier number (domain.md 2.6): `H27.045-261121-0690012` is agency, day, series 069, 12th of the day.
