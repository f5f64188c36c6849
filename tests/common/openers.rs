//! Every part of the screen that needs more than one action to open.

use simdeck::tui::harness::Session;
use simdeck::tui::term::Button;

/// Opens a part of the screen from a fresh session.
pub type Opener = fn(&mut Session);

/// Dialogs and states that need more than one action to open, with the kind of overlay that is then
/// on top.
pub const OPENERS: &[(&str, &str, Opener)] = &[
    ("last rows", "", |s| _ = s.keys("G")),
    ("prefix", "", |s| _ = s.keys("g")),
    ("range", "", |s| _ = s.keys("v<Down><Down>")),
    ("empty list", "", |s| _ = s.keys("/zzz<Enter>")),
    ("search line", "", |s| _ = s.keys("/")),
    ("search line with suggestions", "", |s| _ = s.keys("/status=active and net")),
    ("search line with a fault", "", |s| _ = s.keys("/status=nothing")),
    ("filter chips", "", |s| _ = s.keys("/status=active tariff=x network=y used>1 label=a<Enter>")),
    ("pasted list", "Choose", |s| _ = s.paste("1234567890123456789\n1234567890123456780\n")),
    ("move confirmation", "Confirm", |s| _ = s.keys("<Space>wbright<Enter>")),
    ("move of many", "Confirm", |s| _ = s.keys("*mwbright<Enter>")),
    ("hidden targets", "Confirm", |s| {
        _ = s.keys("<Space><Space>/status=terminated<Enter>wbright<Enter>");
    }),
    ("move result", "Result", |s| _ = s.keys("*mwbright<Enter>400<Enter>")),
    ("undo confirmation", "Confirm", |s| _ = s.keys("*mwbright<Enter>400<Enter><Esc>u")),
    ("cap editor", "Levels", |s| _ = s.keys("C500MB")),
    ("cap editor, last field", "Levels", |s| _ = s.keys("C500MB<Tab>90%<Tab><Tab>")),
    ("cap editor, fault", "Levels", |s| _ = s.keys("Clots<Enter>")),
    ("cap confirmation", "Confirm", |s| _ = s.keys("C500MB<Enter>")),
    ("edit form, last field", "Form", |s| _ = s.keys("E<Up>")),
    ("state form", "Form", |s| _ = s.keys("Ss")),
    ("history", "History", |s| _ = s.keys("<Space>wbright<Enter>y<Esc>h")),
    ("change of the history", "Result", |s| _ = s.keys("<Space>wbright<Enter>y<Esc>h<Enter>")),
    ("history filter", "Form", |s| _ = s.keys("hf")),
    ("export form", "Form", |s| _ = s.keys("e")),
    ("SIM usage", "Sim", |s| _ = s.keys("<Enter><Tab>")),
    ("SIM sessions", "Sim", |s| _ = s.keys("<Enter><Tab><Tab><End>")),
    ("SIM history", "Sim", |s| _ = s.keys("<Enter><BTab><Down><Down>")),
    ("spending by month", "Spending", |s| _ = s.keys("U<Tab>")),
    ("spending by account", "Spending", |s| _ = s.keys("U<BTab><Down><Down>")),
    ("alerts, last line", "Alerts", |s| _ = s.keys("A<End>")),
    ("support, last page", "Support", |s| _ = s.keys("H<BTab><PgDn><PgDn>")),
    ("builder with conditions", "Builder", |s| {
        _ = s.keys("/status=active or not tariff=x<Enter>F<Down><Down>");
    }),
    ("builder, cell", "Choose", |s| _ = s.keys("Fa<Enter>")),
    ("builder, cell with text", "Choose", |s| _ = s.keys("Fa<Enter>act")),
    ("builder, text", "Builder", |s| _ = s.keys("F<Tab>status=nothing")),
    ("columns, last line", "Columns", |s| _ = s.keys("c<End>")),
    ("saved filters, last line", "Saved", |s| _ = s.keys("b<End>")),
    ("save filter", "Prompt", |s| _ = s.keys("/status=active<Enter>gb")),
    ("palette", "Choose", |s| _ = s.keys(":cap<Down>")),
    ("palette without a match", "Choose", |s| _ = s.keys(":zzzz")),
    ("row menu", "Choose", |s| s.click(Button::Right, (60, 8))),
    ("wide scroll", "", |s| _ = s.keys(">>>>>>>>>>>>")),
    ("all folds open", "", |s| _ = s.keys("<Tab>zo<End>")),
    ("error message", "", |s| s.model.messages.fail(&estate::Error::SignedOut)),
    ("messages", "Messages", |s| _ = s.keys("gl<Down><Down><Down>")),
    ("account overview", "", |s| _ = s.keys("T")),
    ("account users", "", |s| _ = s.keys("T<Tab><Right><End>")),
    ("user menu", "Choose", |s| _ = s.keys("T<Tab><Right><Down><Enter>")),
    ("link", "Link", |s| {
        s.keys("T<Down><Tab><Right><Enter>Zoe Kerr<Tab>zoe@kerr.example<Enter>");
        s.keys("<End><Enter><End><Up><Up><Enter>");
    }),
    ("account settings", "", |s| _ = s.keys("T<Tab><Right><Right><End>")),
    ("account help", "", |s| _ = s.keys("T<Tab><Right><Right><Right><End>")),
    ("help page form", "Form", |s| _ = s.keys("T<Down><Tab><Right><Right><Right><Enter>")),
    ("contact form", "Prompt", |s| _ = s.keys("T<Down><Tab><Right><Right><Right><Down><Enter>")),
    ("account history", "", |s| _ = s.keys("T<Tab><Left>")),
    ("numbers of a list", "Numbers", |s| {
        s.paste("1234567890123456789\n1234567890123456780\n");
        s.keys("s");
    }),
    ("running change", "Running", |s| {
        s.keys("<Space>wbright<Enter>");
        s.hold = true;
        s.keys("y");
    }),
    ("file being written", "Exporting", |s| {
        s.keys("e");
        s.hold = true;
        s.keys("<Enter>");
    }),
    ("probe", "Probe", |s| _ = s.keys("/status=active<Enter>Sp")),
];
