//! Makes the pictures in `screenshots/` from the real screens: `cargo run --example screenshots`.
//!
//! With `--check` it changes nothing and fails when a picture is stale.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use estate::Time;
use estate::demo::{self, Demo};
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use simdeck::tui::Kind;
use simdeck::tui::harness::Session;
use simdeck::tui::msg::Msg;
use simdeck::tui::theme::Theme;

const NOW: Time = Time(1_790_000_000);
const SIZE: (u16, u16) = (120, 32);
const CELL: (u32, u32) = (9, 19);

/// Each picture and the keys that lead to it from the first screen.
const PICTURES: [(&str, &str); 18] = [
    ("main", "<Down><Down><Space><Space><Space>"),
    ("context-menu", "<Down><Down><Space><Space><Space>m"),
    ("picker", "/status=active label:till<Enter>*mwsol"),
    ("preflight", "/solveig or label:till<Enter>*mwpolar<Enter>"),
    ("result", "/solveig<Enter>*mwpolar<Enter>TOTAL<Enter>"),
    ("history", "/solveig<Enter>*mwpolar<Enter>TOTAL<Enter><Esc>h"),
    ("help", "?"),
    (
        "builder",
        "/in:\"/Northstar Connect/Polar Cold Chain\" -status=terminated (network:nordcell or tag:vip)<Enter>F<End><Right>",
    ),
    ("line", "/status=active,alerted network:"),
    ("columns", "c<Down><Down>"),
    (
        "saved",
        "/used_pct>=80 in:\"/Northstar Connect/Polar Cold Chain\"<Enter>gbPolar, near cap<Tab><Enter>bb9",
    ),
    ("caps", "/account:polar lifecycle=active<Enter>*mC2MB"),
    ("details", "/status=alerted<Enter><Enter>"),
    ("alerts", "A<Down><Down>"),
    ("users", "T<Down><Tab><Right>"),
    ("support", "T<Tab><Right><Right><Right><Down><Down><Down><Enter>"),
    ("edit", "/tag=vip or tag=pilot<Enter>*mE<Tab>+gold, -vi"),
    ("list", "L8988301000100000219 8988301000100000490 8988300000000000001<Enter>"),
];

/// The same at a server that has not answered for so many seconds.
const OFFLINE: (&str, i64, &str) = ("offline", 94, "<Down><Down><Space><Space><Space>");

fn main() -> ExitCode {
    let check = std::env::args().any(|arg| arg == "--check");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("screenshots");
    let mut stale = false;
    let here = PICTURES.iter().map(|(name, keys)| (*name, screen(Kind::Demo, keys).buffer()));
    let (name, seconds, keys) = OFFLINE;
    let mut gone = screen(Kind::Remote, keys);
    gone.msg(Msg::Offline(Some(Time(NOW.0 - seconds))));
    for (name, buffer) in here.chain([(name, gone.buffer())]) {
        let path = folder.join(format!("{name}.svg"));
        let picture = svg(&buffer);
        if check {
            if std::fs::read_to_string(&path).ok().as_deref() != Some(picture.as_str()) {
                eprintln!("{} is stale: cargo run --example screenshots", path.display());
                stale = true;
            }
        } else {
            std::fs::create_dir_all(&folder).expect("folder");
            std::fs::write(&path, picture).expect("written");
        }
    }
    if stale { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The screen after those keys, on a demo that is always the same.
fn screen(kind: Kind, keys: &str) -> Session {
    let dir = tempfile::tempdir().expect("folder");
    let demo = Demo { sims: 3_000, ..Demo::default() };
    let local =
        demo::create(&dir.path().join("demo.db"), demo, NOW, &|_| std::ops::ControlFlow::Continue(()))
            .expect("demo")
            .with_clock(|| NOW);
    let mut session = Session::with_theme(local, kind, SIZE, NOW, Theme::load_shipped("dark", false));
    for (i, part) in keys.split("TOTAL").enumerate() {
        if i > 0 {
            let total = session.model.picked.total.expect("counted");
            session.keys(&total.to_string());
        }
        session.keys(part);
    }
    session
}

fn colour(colour: Color, default: &'static str) -> &'static str {
    match colour {
        Color::Red | Color::LightRed => "#ff7b72",
        Color::Green | Color::LightGreen => "#7ee787",
        Color::Yellow | Color::LightYellow => "#e3b341",
        Color::Cyan => "#56d4dd",
        Color::LightCyan => "#79c0ff",
        Color::DarkGray => "#6e7681",
        _ => default,
    }
}

/// Foreground, background and weight of a cell.
fn look(cell: &Cell) -> (&'static str, &'static str, bool, bool) {
    let (front, back) = (colour(cell.fg, "#d8dee4"), "#14181d");
    let bold = cell.modifier.contains(Modifier::BOLD);
    let line = cell.modifier.contains(Modifier::UNDERLINED);
    match cell.modifier.contains(Modifier::REVERSED) {
        true => (back, front, bold, line),
        false if cell.modifier.contains(Modifier::DIM) => ("#9aa4ae", back, bold, line),
        false => (front, back, bold, line),
    }
}

/// Draws runs of cells that look alike as one piece of text each.
fn svg(buffer: &Buffer) -> String {
    let (width, height) = (u32::from(buffer.area.width) * CELL.0, u32::from(buffer.area.height) * CELL.1);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#14181d\"/>\n\
         <g font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"15\" xml:space=\"preserve\">\n"
    );
    for y in 0..buffer.area.height {
        let mut x = 0;
        while x < buffer.area.width {
            let style = look(&buffer[(x, y)]);
            let end = (x..buffer.area.width)
                .find(|i| look(&buffer[(*i, y)]) != style)
                .unwrap_or(buffer.area.width);
            let text: String = (x..end).map(|i| buffer[(i, y)].symbol()).collect();
            run(&mut out, (x, end, y), &text, style);
            x = end;
        }
    }
    out + "</g>\n</svg>\n"
}

fn run(out: &mut String, (x, end, y): (u16, u16, u16), text: &str, style: (&str, &str, bool, bool)) {
    let (front, back, bold, line) = style;
    let (left, top) = (u32::from(x) * CELL.0, u32::from(y) * CELL.1);
    let width = u32::from(end - x) * CELL.0;
    if back != "#14181d" {
        let _ = writeln!(
            out,
            "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{}\" fill=\"{back}\"/>",
            CELL.1
        );
    }
    if text.trim().is_empty() && !line {
        return;
    }
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let weight = if bold { " font-weight=\"bold\"" } else { "" };
    let underline = if line { " text-decoration=\"underline\"" } else { "" };
    let _ = writeln!(
        out,
        "<text x=\"{left}\" y=\"{}\" textLength=\"{width}\" fill=\"{front}\"{weight}{underline}>{escaped}</text>",
        top + 14
    );
}
