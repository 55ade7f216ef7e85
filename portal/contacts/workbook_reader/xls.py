"""Read .xls with xlrd, which also knows number formats and hidden rows. A formula always has its value there."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta

import xlrd
from cells import DATE, ERROR, SheetData, SheetRow, display_cell


class Workbook:
    """An .xls file."""

    def __init__(self, content: bytes) -> None:
        log = io.StringIO()
        self.workbook = xlrd.open_workbook(file_contents=content, formatting_info=True, ragged_rows=True, logfile=log)

    def list_sheets(self) -> list[tuple[str, bool, int | None]]:
        """Return the name of each worksheet, whether it is visible, and the number of its last row."""
        return [(sheet.name, sheet.visibility == 0, sheet.nrows) for sheet in self.workbook.sheets()]

    def read(self, name: str) -> SheetData:
        """Read the sheet with this name."""
        sheet = self.workbook.sheet_by_name(name)
        hidden = [index for index, column in sheet.colinfo_map.items() if column.hidden or column.width == 0]
        return SheetData(sheet.nrows, sheet.ncols, hidden, self.read_rows(sheet))

    def read_rows(self, sheet: xlrd.sheet.Sheet) -> Iterator[SheetRow]:
        """Iterate over the rows as displayed."""
        for row in range(sheet.nrows):
            cells, kinds = [], {}
            for column, cell in enumerate(sheet.row(row)):
                text, kind = self.read_cell(cell)
                cells.append(text)
                if kind:
                    kinds[column] = kind
            info = sheet.rowinfo_map.get(row)
            yield SheetRow(cells, bool(info and (info.hidden or info.height == 0)), kinds)

    def read_cell(self, cell: xlrd.sheet.Cell) -> tuple[str, str]:
        """Return a cell as displayed, and its kind."""
        match cell.ctype:
            case xlrd.XL_CELL_EMPTY | xlrd.XL_CELL_BLANK:
                return "", ""
            case xlrd.XL_CELL_ERROR:
                return xlrd.error_text_from_code.get(cell.value, "#ERROR!"), ERROR
            case xlrd.XL_CELL_BOOLEAN:
                return display_cell(bool(cell.value), "")
            case xlrd.XL_CELL_DATE:
                return self.read_date(cell.value), DATE
        code = self.workbook.format_map[self.workbook.xf_list[cell.xf_index].format_key].format_str
        return display_cell(cell.value, "" if code.lower() == "general" else code)

    def read_date(self, value: float) -> str:
        """Return a date, a time of less than a day, or both, in ISO form."""
        if value < 1:
            return display_cell(timedelta(days=value), "")[0]
        moment = xlrd.xldate.xldate_as_datetime(value, self.workbook.datemode)
        return display_cell(moment.date() if value.is_integer() else moment, "")[0]
