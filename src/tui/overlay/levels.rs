//! The cap editor: a cap, the alert that follows it, and whether the cap is hard. What is not
//! touched stays.

use estate::levels::{Spread, describe_bytes, parse_alert, parse_cap};
use estate::{Alert, Ceiling, Levels, Target, units};
use tui_input::Input;

use super::chooser::{edit, insert};
use crate::tui::overlay::response::DialogResponse;
use crate::tui::term::{Code, Key};

/// What becomes of the alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertIs {
    /// 80 % of a cap that is set.
    Follows,
    /// As it is.
    Kept,
    /// What is typed.
    Typed,
}

impl AlertIs {
    const ALL: [Self; 3] = [Self::Follows, Self::Kept, Self::Typed];
}

/// Whether the cap is hard.
const HARD: [Option<bool>; 3] = [None, Some(true), Some(false)];

/// The dialog.
#[derive(Debug)]
pub struct LevelsPane {
    /// Which SIMs, in words.
    pub subject: String,
    /// Which SIMs.
    pub target: Target,
    /// What they have now; `None` while it is read.
    pub spread: Option<Spread>,
    /// Whether it could not be read.
    pub unread: bool,
    /// The cap as it is typed; nothing leaves it as it is.
    pub cap: Input,
    /// What becomes of the alert.
    pub alert_is: AlertIs,
    /// The alert as it is typed.
    pub alert: Input,
    /// Whether the cap is hard; `None` leaves it as it is.
    pub hard: Option<bool>,
    /// Whether the cap is raised until the billing period ends only.
    pub until: bool,
    /// The line under the cursor: cap, alert, hard, until when.
    pub line: usize,
    /// What is wrong, and on which line.
    pub fault: Option<(usize, String)>,
}

impl LevelsPane {
    /// Opens on some SIMs.
    pub fn new(subject: String, target: Target) -> Self {
        Self {
            subject,
            target,
            spread: None,
            unread: false,
            cap: Input::default(),
            alert_is: AlertIs::Follows,
            alert: Input::default(),
            hard: None,
            until: false,
            line: 0,
            fault: None,
        }
    }

    /// What is to be set, or what is wrong and on which line.
    pub fn levels(&self) -> Result<Levels, (usize, String)> {
        let said = |e: estate::Error| {
            let line = match e {
                estate::Error::Invalid { field: "alert", .. } => 1,
                estate::Error::Invalid { field: "until", .. } => 3,
                _ => 0,
            };
            (line, e.to_string())
        };
        let cap = match self.cap.value().trim() {
            "" => None,
            text => Some(parse_cap(text).map_err(said)?),
        };
        let alert = match (self.alert_is, self.alert.value().trim()) {
            (AlertIs::Follows, _) => Alert::Follow,
            (AlertIs::Kept, _) => Alert::Keep,
            (AlertIs::Typed, "") => {
                return Err((1, "type the alert: a size or a share such as 90%, or none".to_owned()));
            }
            (AlertIs::Typed, text) => parse_alert(text).map_err(said)?,
        };
        let levels = Levels { cap, alert, hard: self.hard, until_period_end: self.until };
        levels.check().map_err(said)?;
        Ok(levels)
    }

    /// What the alert would be, in words.
    pub fn follows(&self) -> String {
        match parse_cap(self.cap.value()) {
            Ok(0) => "no new cap: it stays as it is".to_owned(),
            Ok(cap) => {
                let new = units::default_alert(cap);
                match self.spread.and_then(|s| s.alert) {
                    Some(old) if old != new => {
                        format!("80 % of the cap: {} → {}", describe_bytes(old), describe_bytes(new))
                    }
                    _ => format!("80 % of the cap: {}", describe_bytes(new)),
                }
            }
            Err(_) => "80 % of a cap that is set".to_owned(),
        }
    }

    /// The ceiling that what is typed exceeds: SIMs under it are left out.
    pub fn exceeded_ceiling(&self) -> Option<Ceiling> {
        let cap = parse_cap(self.cap.value()).ok()?;
        self.spread?.ceiling.filter(|ceiling| ceiling.exceeded_by(cap))
    }

    /// What is typed as a size, in bytes.
    pub fn echo(&self) -> Option<String> {
        let bytes = parse_cap(self.cap.value()).ok()?;
        Some(if bytes == 0 {
            "no cap".to_owned()
        } else {
            format!("= {} bytes", estate::number::count(bytes))
        })
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> DialogResponse {
        match key.code {
            Code::Esc => return DialogResponse::Close,
            Code::Enter => return self.submit(),
            Code::Tab | Code::Down => self.line = (self.line + 1) % 4,
            Code::BackTab | Code::Up => self.line = (self.line + 3) % 4,
            Code::Left if self.line > 0 && !self.types() => self.turn(2),
            Code::Right if self.line > 0 && !self.types() => self.turn(1),
            Code::Char(' ') if self.line > 0 && !self.types() => self.turn(1),
            _ => self.type_key(key),
        }
        DialogResponse::Stay
    }

    /// Whether the alert's line holds text that keys edit.
    pub fn types(&self) -> bool {
        self.line == 1 && self.alert_is == AlertIs::Typed && !self.alert.value().is_empty()
    }

    /// Chooses another possibility of the line under the cursor.
    pub fn turn(&mut self, by: usize) {
        self.fault = None;
        let next = |at: Option<usize>| (at.unwrap_or(0) + by) % 3;
        if self.line == 1 {
            self.alert_is = AlertIs::ALL[next(AlertIs::ALL.iter().position(|a| *a == self.alert_is))];
        } else if self.line == 2 {
            self.hard = HARD[next(HARD.iter().position(|h| *h == self.hard))];
        } else if self.line == 3 {
            self.until = !self.until;
        }
    }

    /// Chooses a possibility of a line.
    pub fn choose(&mut self, line: usize, which: usize) {
        self.line = line;
        self.fault = None;
        match line {
            1 => self.alert_is = AlertIs::ALL[which % 3],
            2 => self.hard = HARD[which % 3],
            3 => self.until = which == 1,
            _ => {}
        }
    }

    /// The possibilities of the cap's hardness, and which one is chosen.
    pub fn hardness(&self) -> [(bool, &'static str); 3] {
        let now = match self.spread.map(|s| s.hard) {
            Some(Some(true)) => "as it is: hard",
            Some(Some(false)) => "as it is: soft",
            Some(None) => "as it is: «mixed»",
            None => "as it is",
        };
        [(self.hard == HARD[0], now), (self.hard == HARD[1], "hard"), (self.hard == HARD[2], "soft")]
    }

    /// Until when the cap holds, and which one is chosen.
    pub fn holding(&self) -> [(bool, &'static str); 2] {
        [(!self.until, "from now on"), (self.until, "until the billing period ends")]
    }

    fn type_key(&mut self, key: Key) {
        if self.line == 1 && self.alert_is != AlertIs::Typed {
            // What was typed before is not on the screen any more.
            self.alert.reset();
        }
        let input = match self.line {
            0 => &mut self.cap,
            1 => &mut self.alert,
            _ => return,
        };
        if edit(input, key) {
            self.fault = None;
            if self.line == 1 {
                self.alert_is =
                    if self.alert.value().is_empty() { AlertIs::Follows } else { AlertIs::Typed };
            }
        }
    }

    /// Takes pasted text into the line under the cursor.
    pub fn paste(&mut self, text: &str) {
        let text = estate::text::clean(text);
        match self.line {
            0 => insert(&mut self.cap, text.trim()),
            1 => {
                if self.alert_is != AlertIs::Typed {
                    self.alert.reset();
                }
                insert(&mut self.alert, text.trim());
                if !self.alert.value().is_empty() {
                    self.alert_is = AlertIs::Typed;
                }
            }
            _ => {}
        }
    }

    fn submit(&mut self) -> DialogResponse {
        match self.levels() {
            Ok(levels) => DialogResponse::SetLevels(levels),
            Err((line, fault)) => {
                self.line = line;
                self.fault = Some((line, fault));
                DialogResponse::Stay
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pane(keys: &str) -> LevelsPane {
        let mut pane = LevelsPane::new("1 SIM".into(), Target::default());
        for c in keys.chars() {
            pane.key(match c {
                '\t' => Key::plain(Code::Tab),
                '→' => Key::plain(Code::Right),
                '\n' => Key::plain(Code::Enter),
                c => Key::char(c),
            });
        }
        pane
    }

    #[test]
    fn only_touched_fields_change_and_the_alert_follows() {
        let levels = pane("500MB").levels().expect("levels");
        assert_eq!(levels, Levels { cap: Some(500_000_000), alert: Alert::Follow, ..Levels::default() });
        assert_eq!(pane("500MB").follows(), "80 % of the cap: 400 MB");
        assert_eq!(pane("500MB\t→").levels().expect("kept").alert, Alert::Keep);
        assert_eq!(
            pane("\t90%").levels().expect("share"),
            Levels { alert: Alert::Percent(90), ..Levels::default() }
        );
        assert_eq!(pane("\t\t→").levels().expect("hard").hard, Some(true));
        assert_eq!(pane("none").echo().as_deref(), Some("no cap"));
    }

    #[test]
    fn what_is_not_on_the_screen_is_not_typed_on() {
        let mut pane = pane("1GB\t90%");
        pane.choose(1, 0);
        pane.key(Key::char('7'));
        assert_eq!(pane.alert.value(), "7");
        pane.choose(1, 1);
        pane.paste("  ");
        assert_eq!((pane.alert_is, pane.alert.value()), (AlertIs::Kept, ""));
    }

    #[test]
    fn what_is_wrong_is_said_on_its_line_and_nothing_is_lost() {
        let wrong = pane("lots\n");
        assert_eq!((wrong.line, wrong.cap.value()), (0, "lots"));
        assert!(wrong.fault.expect("said").1.contains("500MB"));
        assert_eq!(pane("1GB\t12x\n").line, 1);
        assert_eq!(pane("1GB\t0%\n").line, 1, "the alert's fault is on the alert's line");
        assert_eq!(pane("1GB\t→→\n").line, 1, "another, but nothing typed, is not taken for as it is");
        assert!(pane("\n").fault.expect("said").1.contains("say what to set"));
    }
}
