-- Organisations are read in every region, and a client is looked up before anybody knows its region; neither is written from another.
CALL read_everywhere('organisations');
CALL read_everywhere('clients');
