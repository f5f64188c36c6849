//! Bytes from any reader to [`Event`]s, whole sequences or torn ones.
//!
//! An ESC waits a moment for what belongs to it, so that a torn sequence never becomes typed text;
//! replies nobody asked for are swallowed; a paste without an end is ended; a burst of characters
//! is a paste.

use std::time::Duration;

use super::event::{Button, Code, Event, Key, Mouse, MouseKind};

/// How long an ESC waits for the rest of its sequence, on this machine and over SSH.
const GRACE: Duration = Duration::from_millis(60);
const GRACE_SSH: Duration = Duration::from_millis(100);
/// A paste that goes silent without an end marker is over after that.
const PASTE_SILENCE: Duration = Duration::from_secs(5);
/// As many characters in one read, of several kinds, were not typed.
const BURST: usize = 8;
/// No sequence is longer; what claims to be is dropped.
const LONGEST: usize = 4096;

const PASTE_BEGIN: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";

/// Turns bytes into events.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    paste: Option<Vec<u8>>,
    /// When the last bytes came.
    heard: Duration,
    ssh: bool,
}

/// What the beginning of a buffer is.
enum Step {
    /// An event (or nothing worth one) of so many bytes.
    Took(usize, Option<Event>),
    /// The beginning of a paste of so many bytes.
    Paste(usize),
    /// More bytes are needed to tell.
    More,
}

impl Decoder {
    /// A decoder; over SSH it waits longer for torn sequences.
    pub fn new(ssh: bool) -> Self {
        Self { ssh, ..Self::default() }
    }

    /// Takes bytes that came at `now`.
    pub fn feed(&mut self, bytes: &[u8], now: Duration) -> Vec<Event> {
        self.heard = now;
        self.bytes.extend_from_slice(bytes);
        let mut events = Vec::new();
        self.run(&mut events, false);
        gather_bursts(events)
    }

    /// When [`Decoder::expire`] has to be called, if nothing comes before.
    pub fn deadline(&self) -> Option<Duration> {
        if self.paste.is_some() {
            return Some(self.heard + PASTE_SILENCE);
        }
        (!self.bytes.is_empty()).then(|| self.heard + if self.ssh { GRACE_SSH } else { GRACE })
    }

    /// Gives up waiting: a lone ESC was the key, an unfinished sequence is dropped, an unfinished
    /// paste ends.
    pub fn expire(&mut self, now: Duration) -> Vec<Event> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return Vec::new();
        }
        let mut events = Vec::new();
        if let Some(mut pasted) = self.paste.take() {
            pasted.append(&mut self.bytes);
            events.extend(pasted_text(&pasted));
        } else {
            self.run(&mut events, true);
            self.bytes.clear();
        }
        events
    }

    fn run(&mut self, events: &mut Vec<Event>, last: bool) {
        loop {
            if self.paste.is_some() {
                if !self.take_paste(events) {
                    return;
                }
                continue;
            }
            match step(&self.bytes, last) {
                Step::Took(0, _) | Step::More => return,
                Step::Took(length, event) => {
                    self.bytes.drain(..length);
                    events.extend(event);
                }
                Step::Paste(length) => {
                    self.bytes.drain(..length);
                    self.paste = Some(Vec::new());
                }
            }
        }
    }

    /// Moves bytes into the paste; true when its end was found.
    fn take_paste(&mut self, events: &mut Vec<Event>) -> bool {
        let Some(paste) = &mut self.paste else { return false };
        // The end may have come in pieces.
        let from = paste.len().saturating_sub(PASTE_END.len());
        paste.append(&mut self.bytes);
        let Some(at) = find(&paste[from..], PASTE_END) else { return false };
        self.bytes = paste.split_off(from + at + PASTE_END.len());
        paste.truncate(from + at);
        events.extend(pasted_text(paste));
        self.paste = None;
        true
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn pasted_text(bytes: &[u8]) -> Option<Event> {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace('\r', "\n");
    (!text.is_empty()).then_some(Event::Paste(text))
}

/// Characters that came faster than anyone types become one paste.
fn gather_bursts(events: Vec<Event>) -> Vec<Event> {
    let typed = |event: &Event| match event {
        Event::Key(key) if key.code == Code::Enter => Some('\n'),
        Event::Key(key) if key.code == Code::Tab => Some('\t'),
        Event::Key(key) => key.typed_char(),
        _ => None,
    };
    let text: Option<String> = events.iter().map(typed).collect();
    match text {
        // A key held down on a slow line comes as many of the same.
        Some(text) if text.chars().count() >= BURST && kinds(&text) > 3 && !is_search(&text) => {
            vec![Event::Paste(text)]
        }
        _ => events,
    }
}

/// A search typed ahead on a slow line: its slash opens a line of text, and no second line follows
/// to do harm.
fn is_search(text: &str) -> bool {
    text.starts_with('/') && !text.trim_end_matches('\n').contains('\n')
}

fn kinds(text: &str) -> usize {
    text.chars().collect::<std::collections::BTreeSet<_>>().len()
}

/// Looks at the beginning of `bytes`; with `last`, nothing more is coming.
fn step(bytes: &[u8], last: bool) -> Step {
    match bytes {
        [] => Step::More,
        [0x1b] => {
            if last {
                key(1, Key::plain(Code::Esc))
            } else {
                Step::More
            }
        }
        // A second ESC begins something of its own: the first was the key.
        [0x1b, 0x1b, ..] => key(1, Key::plain(Code::Esc)),
        [0x1b, b'[', rest @ ..] => csi(bytes, rest, last),
        [0x1b, b'O', rest @ ..] => ss3(rest, last),
        [0x1b, b']' | b'P' | b'X' | b'^' | b'_', ..] => string(bytes, last),
        [0x1b, rest @ ..] => match step(rest, last) {
            Step::Took(n, Some(Event::Key(k))) => key(n + 1, Key { alt: true, ..k }),
            Step::Took(n, event) => Step::Took(n + 1, event),
            other => other,
        },
        _ => character(bytes, last),
    }
}

fn key(length: usize, key: Key) -> Step {
    Step::Took(length, Some(Event::Key(key)))
}

/// What cannot be finished is dropped when nothing more comes.
fn wait(bytes: &[u8], last: bool) -> Step {
    if last || bytes.len() > LONGEST { Step::Took(bytes.len(), None) } else { Step::More }
}

fn character(bytes: &[u8], last: bool) -> Step {
    let first = bytes[0];
    if first < 0x80 {
        return key(1, control(first));
    }
    let length = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Step::Took(1, None),
    };
    match bytes.get(..length).map(std::str::from_utf8) {
        None => wait(bytes, last),
        Some(Err(_)) => Step::Took(1, None),
        Some(Ok(text)) => Step::Took(
            length,
            text.chars().next().filter(|c| !c.is_control()).map(|c| Event::Key(Key::char(c))),
        ),
    }
}

fn control(byte: u8) -> Key {
    let ctrl = |c: char| Key { ctrl: true, ..Key::char(c) };
    match byte {
        b'\r' | b'\n' => Key::plain(Code::Enter),
        b'\t' => Key::plain(Code::Tab),
        0x7f | 0x08 => Key::plain(Code::Backspace),
        0 => ctrl(' '),
        1..=26 => ctrl(char::from(byte - 1 + b'a')),
        28..=31 => ctrl(char::from(byte - 28 + b'4')),
        other => Key::char(char::from(other)),
    }
}

/// A control sequence: parameters, intermediates, final byte (ECMA-48 §5.4).
fn csi(whole: &[u8], rest: &[u8], last: bool) -> Step {
    if whole.starts_with(PASTE_BEGIN) {
        return Step::Paste(PASTE_BEGIN.len());
    }
    // The Linux console's F1 to F5 are the only ones with a second bracket.
    if let [b'[', letter, ..] = rest {
        let code = if (b'A'..=b'E').contains(letter) { Some(Code::F(letter - b'A' + 1)) } else { None };
        return Step::Took(4, code.map(|c| Event::Key(Key::plain(c))));
    }
    // rxvt ends Shift sequences with `$`, which elsewhere only comes before the end, in replies
    // with `?`.
    let reply = rest.first() == Some(&b'?');
    let ends = |b: &u8| !(0x20..=0x3f).contains(b) || (*b == b'$' && !reply);
    let Some(end) = rest.iter().position(ends) else { return wait(whole, last) };
    let (parameters, last_byte) = (&rest[..end], rest[end]);
    if !(0x40..=0x7e).contains(&last_byte) && last_byte != b'$' {
        // Something else cut in: drop the torn part, keep what cut in.
        return Step::Took(2 + end, None);
    }
    let length = 2 + end + 1;
    let event = match (parameters.first(), last_byte) {
        (Some(b'<'), b'M' | b'm') => mouse(&parameters[1..], last_byte == b'm').map(Event::Mouse),
        // Replies to questions we never ask.
        (Some(b'?' | b'>' | b'='), _) => None,
        _ => special(parameters, last_byte).map(Event::Key),
    };
    Step::Took(length, event)
}

fn numbers(parameters: &[u8]) -> Vec<u16> {
    parameters
        .split(|b| *b == b';')
        .map(|n| {
            n.iter()
                .take_while(|b| b.is_ascii_digit())
                .fold(0u16, |sum, b| sum.saturating_mul(10).saturating_add(u16::from(b - b'0')))
        })
        .collect()
}

fn special(parameters: &[u8], last: u8) -> Option<Key> {
    let numbers = numbers(parameters);
    let modifiers = numbers.get(1).copied().unwrap_or(1).saturating_sub(1);
    let code = match last {
        b'A' => Code::Up,
        b'B' => Code::Down,
        b'C' => Code::Right,
        b'D' => Code::Left,
        b'H' => Code::Home,
        b'F' => Code::End,
        b'P' => Code::F(1),
        b'Q' => Code::F(2),
        b'S' => Code::F(4),
        b'Z' => return Some(Key::plain(Code::BackTab)),
        // rxvt: Shift+arrows, and its own ends for Shift and Ctrl.
        b'a' => return Some(Key { shift: true, ..Key::plain(Code::Up) }),
        b'b' => return Some(Key { shift: true, ..Key::plain(Code::Down) }),
        b'~' | b'$' | b'^' => tilde(numbers.first().copied()?)?,
        _ => return None,
    };
    Some(Key {
        code,
        shift: modifiers & 1 != 0 || last == b'$',
        alt: modifiers & 2 != 0,
        ctrl: modifiers & 4 != 0 || last == b'^',
    })
}

fn tilde(number: u16) -> Option<Code> {
    Some(match number {
        1 | 7 => Code::Home,
        2 => Code::Insert,
        3 => Code::Delete,
        4 | 8 => Code::End,
        5 => Code::PageUp,
        6 => Code::PageDown,
        11..=15 => Code::F(number as u8 - 10),
        17..=21 => Code::F(number as u8 - 11),
        23..=26 => Code::F(number as u8 - 12),
        // Shift+F3 … in rxvt's counting; F16 is the Menu key there.
        29 => Code::Menu,
        28 => Code::F(15),
        31..=34 => Code::F(number as u8 - 14),
        _ => return None,
    })
}

fn ss3(rest: &[u8], last: bool) -> Step {
    let Some(letter) = rest.first() else {
        return if last {
            Step::Took(2, Some(Event::Key(Key { alt: true, ..Key::char('O') })))
        } else {
            Step::More
        };
    };
    let code = match letter {
        b'A' => Code::Up,
        b'B' => Code::Down,
        b'C' => Code::Right,
        b'D' => Code::Left,
        b'H' => Code::Home,
        b'F' => Code::End,
        b'M' => Code::Enter,
        b'P'..=b'S' => Code::F(letter - b'P' + 1),
        0x1b => return Step::Took(2, None),
        _ => return Step::Took(3, None),
    };
    key(3, Key::plain(code))
}

/// Skips a control string up to BEL or ST: replies about colours and versions.
fn string(bytes: &[u8], last: bool) -> Step {
    let bell = bytes.iter().position(|b| *b == 7).map(|at| at + 1);
    let st = find(&bytes[2..], b"\x1b\\").map(|at| at + 4);
    match (bell, st) {
        (Some(a), Some(b)) => Step::Took(a.min(b), None),
        (Some(end), None) | (None, Some(end)) => Step::Took(end, None),
        (None, None) => wait(bytes, last),
    }
}

/// An SGR mouse report (xterm control sequences, mode 1006).
fn mouse(parameters: &[u8], released: bool) -> Option<Mouse> {
    let numbers = numbers(parameters);
    let [button, x, y] = numbers.as_slice() else { return None };
    let kind = match (button & 0b1110_0011, released) {
        (64, _) => MouseKind::WheelUp,
        (65, _) => MouseKind::WheelDown,
        (66, _) => MouseKind::WheelLeft,
        (67, _) => MouseKind::WheelRight,
        (_, true) => MouseKind::Up,
        (32..=34, _) => MouseKind::Drag,
        (0, _) => MouseKind::Down(Button::Left),
        (1, _) => MouseKind::Down(Button::Middle),
        (2, _) => MouseKind::Down(Button::Right),
        _ => return None,
    };
    Some(Mouse {
        kind,
        x: x.saturating_sub(1),
        y: y.saturating_sub(1),
        shift: button & 4 != 0,
        ctrl: button & 16 != 0,
    })
}

#[cfg(test)]
#[path = "input_tests.rs"]
mod tests;
