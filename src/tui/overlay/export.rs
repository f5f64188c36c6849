//! The export dialog: a form whose format and file ending go together.

use estate::export::{CsvStyle, Format};
use estate::{Error, Result};

use super::form::{Entry, Form, FormKind};

/// The formats with their endings, in the order they are offered.
const FORMATS: [(&str, &str); 4] =
    [("CSV", "csv"), ("NDJSON", "ndjson"), ("JSON", "json"), ("XLSX", "xlsx")];
/// The delimiters of CSV.
const DELIMITERS: [(&str, char); 3] = [("comma", ','), ("semicolon", ';'), ("tab", '\t')];
/// The decimal marks of CSV.
const DECIMALS: [(&str, char); 2] = [("point", '.'), ("comma", ',')];

/// The choices of the dialog, as places in what it offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportChoice {
    /// The file name, as it was typed.
    pub path: String,
    /// The fields: 0 for those of the shown columns, 1 for all.
    pub fields: usize,
    format: usize,
    delimiter: usize,
    decimal: usize,
}

impl Default for ExportChoice {
    fn default() -> Self {
        Self { path: "sims.csv".to_owned(), fields: 0, format: 0, delimiter: 0, decimal: 0 }
    }
}

impl ExportChoice {
    /// Returns the choices of the open dialog.
    pub fn of(form: &Form) -> Self {
        Self {
            path: form.text("file"),
            fields: form.chosen_index("fields"),
            format: form.chosen_index("format"),
            delimiter: form.chosen_index("delimiter"),
            decimal: form.chosen_index("decimal"),
        }
    }

    /// The file format. Errors: `Invalid` names the field of the dialog that is wrong.
    pub fn format(&self) -> Result<Format> {
        if self.path.is_empty() {
            return Err(Error::invalid("file", "needs a name"));
        }
        match FORMATS[self.format].1 {
            "ndjson" => Ok(Format::Ndjson),
            "json" => Ok(Format::Json),
            "xlsx" => Ok(Format::Xlsx),
            _ => CsvStyle::new(DELIMITERS[self.delimiter].1, DECIMALS[self.decimal].1).map(Format::Csv),
        }
    }
}

/// Builds the dialog for exporting `what`, with these choices made.
pub fn export_form(what: &str, choice: &ExportChoice) -> Form {
    let local = "spreadsheets that write 1,5 read semicolon and comma";
    let fields = vec![
        Entry::line("file", "File", "a new file, readable by you only", &choice.path)
            .replaced_by_typing(),
        Entry::choice("fields", "Fields", "", choice.fields, &["the shown columns", "every field"]),
        Entry::choice(
            "format",
            "Format",
            "XLSX is an Excel workbook",
            choice.format,
            &FORMATS.map(|f| f.0),
        ),
        Entry::choice("delimiter", "Delimiter", local, choice.delimiter, &DELIMITERS.map(|d| d.0)),
        Entry::choice("decimal", "Decimal mark", local, choice.decimal, &DECIMALS.map(|d| d.0)),
    ];
    Form::new(format!("Export {what}"), "Export", FormKind::Export, fields).with_adapter(adapt)
}

/// Keeps format and file ending together: of the two, the field under the cursor decides. Greys
/// what only CSV has.
fn adapt(form: &mut Form) {
    let (name, format) = (form.text("file"), form.chosen_index("format"));
    let ending = name.rsplit_once('.').and_then(|(stem, ending)| {
        let at = FORMATS.iter().position(|known| known.1.eq_ignore_ascii_case(ending))?;
        (at != format).then_some((stem, at))
    });
    match ending {
        Some((_, at)) if form.is_on("file") => form.choose("format", at),
        Some((stem, _)) => form.set_line("file", &format!("{stem}.{}", FORMATS[format].1)),
        None => {}
    }
    let is_csv = form.chosen_index("format") == 0;
    form.bar("delimiter", (!is_csv).then_some("only CSV has a delimiter"));
    form.bar("decimal", (!is_csv).then_some("only CSV has a decimal mark"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::term::{Code, Key};

    fn press(form: &mut Form, codes: &[Code]) {
        for code in codes {
            form.key(Key::plain(*code));
        }
    }

    fn typed(form: &mut Form, text: &str) {
        text.chars().for_each(|c| drop(form.key(Key::char(c))));
    }

    #[test]
    fn the_ending_follows_the_format_and_the_format_the_ending() {
        let mut form = export_form("1 SIM", &ExportChoice::default());
        press(&mut form, &[Code::Tab, Code::Tab, Code::Left]);
        assert_eq!(
            (form.text("file").as_str(), ExportChoice::of(&form).format()),
            ("sims.xlsx", Ok(Format::Xlsx))
        );
        press(&mut form, &[Code::Tab]);
        assert_eq!(form.line, 0, "a workbook has no delimiter");
        typed(&mut form, "new.json");
        assert_eq!(ExportChoice::of(&form).format(), Ok(Format::Json), "typing replaces the name");
        assert_eq!(form.text("file"), "new.json");
        press(&mut form, &[Code::Backspace; 4]);
        typed(&mut form, "csv");
        assert!(ExportChoice::of(&form).format() == Ok(Format::CSV) && form.fields[3].barred.is_none());
    }

    #[test]
    fn a_decimal_comma_needs_another_delimiter() {
        let mut form = export_form("1 SIM", &ExportChoice::default());
        press(&mut form, &[Code::BackTab, Code::Right]);
        let error = ExportChoice::of(&form).format().expect_err("both are commas");
        form.blame(&error);
        assert_eq!(form.line, 4);
        press(&mut form, &[Code::BackTab, Code::Right]);
        let style = CsvStyle::new(';', ',').expect("sound");
        assert_eq!(ExportChoice::of(&form).format(), Ok(Format::Csv(style)));
    }
}
