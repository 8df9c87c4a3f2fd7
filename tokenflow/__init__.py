"""Text-driven, temporally consistent edits of film plates."""
