//! Every part of the screen that needs more than one action to open.

use simdeck::tui::harness::Session;
use simdeck::tui::term::Button;

/// Opens a part of the screen from a fresh session.
pub type Opener = fn(&mut Session);

/// Dialogs and states that need more than one action to open.
pub const OPENERS: &[(&str, Opener)] = &[
    ("last rows", |s| _ = s.keys("G")),
    ("prefix", |s| _ = s.keys("g")),
    ("range", |s| _ = s.keys("v<Down><Down>")),
    ("empty list", |s| _ = s.keys("/zzz<Enter>")),
    ("search line", |s| _ = s.keys("/")),
    ("search line with suggestions", |s| _ = s.keys("/status=active and net")),
    ("search line with a fault", |s| _ = s.keys("/status=nothing")),
    ("filter chips", |s| _ = s.keys("/status=active tariff=x network=y used>1 label=a<Enter>")),
    ("pasted list", |s| _ = s.paste("1234567890123456789\n1234567890123456780\n")),
    ("move confirmation", |s| _ = s.keys("<Space>wbright<Enter>")),
    ("move of many", |s| _ = s.keys("*mwbright<Enter>")),
    ("hidden targets", |s| _ = s.keys("<Space><Space>/status=terminated<Enter>wbright<Enter>")),
    ("move result", |s| _ = s.keys("*mwbright<Enter>400<Enter>")),
    ("undo confirmation", |s| _ = s.keys("*mwbright<Enter>400<Enter><Esc>u")),
    ("cap editor", |s| _ = s.keys("C500MB")),
    ("cap editor, last field", |s| _ = s.keys("C500MB<Tab>90%<Tab><Tab>")),
    ("cap editor, fault", |s| _ = s.keys("Clots<Enter>")),
    ("cap confirmation", |s| _ = s.keys("C500MB<Enter>")),
    ("edit form, last field", |s| _ = s.keys("E<Up>")),
    ("state form", |s| _ = s.keys("Ss")),
    ("history", |s| _ = s.keys("<Space>wbright<Enter>y<Esc>h")),
    ("change of the history", |s| _ = s.keys("<Space>wbright<Enter>y<Esc>h<Enter>")),
    ("history filter", |s| _ = s.keys("hf")),
    ("export form", |s| _ = s.keys("e")),
    ("SIM usage", |s| _ = s.keys("<Enter><Tab>")),
    ("SIM sessions", |s| _ = s.keys("<Enter><Tab><Tab><End>")),
    ("SIM history", |s| _ = s.keys("<Enter><BTab><Down><Down>")),
    ("spending by month", |s| _ = s.keys("U<Tab>")),
    ("spending by account", |s| _ = s.keys("U<BTab><Down><Down>")),
    ("alerts, last line", |s| _ = s.keys("A<End>")),
    ("support, last page", |s| _ = s.keys("H<BTab><PgDn><PgDn>")),
    ("builder with conditions", |s| _ = s.keys("/status=active or not tariff=x<Enter>F<Down><Down>")),
    ("builder, cell", |s| _ = s.keys("Fa<Enter>")),
    ("builder, value", |s| _ = s.keys("Fastatus<Enter><Enter>act")),
    ("builder, text", |s| _ = s.keys("F<Tab>status=nothing")),
    ("columns, last line", |s| _ = s.keys("c<End>")),
    ("saved filters, last line", |s| _ = s.keys("b<End>")),
    ("save filter", |s| _ = s.keys("/status=active<Enter>gb")),
    ("palette", |s| _ = s.keys(":cap<Down>")),
    ("palette without a match", |s| _ = s.keys(":zzzz")),
    ("row menu at a corner", |s| s.click(Button::Right, (119, 37))),
    ("wide scroll", |s| _ = s.keys(">>>>>>>>>>>>")),
    ("all folds open", |s| _ = s.keys("<Tab>zo<End>")),
    ("error message", |s| s.model.messages.fail(&estate::Error::SignedOut)),
    ("messages", |s| _ = s.keys("gl<Down><Down><Down>")),
    ("account overview", |s| _ = s.keys("T")),
    ("account users", |s| _ = s.keys("T<Tab><Right><End>")),
    ("user menu", |s| _ = s.keys("T<Tab><Right><Down><Enter>")),
    ("link", |s| {
        s.keys("T<Down><Tab><Right><Enter>Zoe Kerr<Tab>zoe@kerr.example<Enter>");
        s.keys("<End><Enter><End><Up><Up><Enter>");
    }),
    ("account settings", |s| _ = s.keys("T<Tab><Right><Right><End>")),
    ("account help", |s| _ = s.keys("T<Tab><Right><Right><Right><End>")),
    ("help page form", |s| _ = s.keys("T<Down><Tab><Right><Right><Right><Enter>")),
    ("contact form", |s| _ = s.keys("T<Down><Tab><Right><Right><Right><Down><Enter>")),
    ("account history", |s| _ = s.keys("T<Tab><Left>")),
    ("numbers of a list", |s| {
        s.paste("1234567890123456789\n1234567890123456780\n");
        s.keys("s");
    }),
    ("running change", |s| {
        s.keys("<Space>wbright<Enter>");
        s.hold = true;
        s.keys("y");
    }),
    ("file being written", |s| {
        s.keys("e");
        s.hold = true;
        s.keys("<Enter>");
    }),
    ("probe", |s| _ = s.keys("/status=active<Enter>Sp")),
];
