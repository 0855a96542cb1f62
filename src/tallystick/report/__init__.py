"""Reports: tables, plots and pages out of plain records; nothing here knows where they come from."""
