"""The deflicker pass: a finite temporal filter of an edit, with the clean plate as reference."""
