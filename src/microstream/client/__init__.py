"""The reading side: what consumers of the published messages use."""
