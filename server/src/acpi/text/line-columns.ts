/** Numbers that a line has in its columns: start, name start, name end, value start, value end, end. */
export const columnsOfLine = 6;
