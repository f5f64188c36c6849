//! A list to choose from, with or without a line to narrow it: menus, pickers, palette and help.

use fuzzy_matcher::FuzzyMatcher;
use fuzzy_matcher::skim::SkimMatcherV2;
use tui_input::{Input, InputRequest};

use crate::tui::overlay::response::{DialogResponse, MenuChoice};
use crate::tui::term::{Code, Key};

/// One line of a chooser.
#[derive(Debug, Clone)]
pub struct Choosable {
    /// What it says.
    pub label: String,
    /// What it says at the right: keys, counts.
    pub note: String,
    /// Other words it is found by.
    pub words: String,
    /// Why it cannot be chosen.
    pub why: Option<String>,
    /// What it means.
    pub choice: MenuChoice,
    /// The key that chooses it at once, in a chooser without a line.
    pub key: Option<char>,
}

impl Choosable {
    /// A line that can be chosen.
    pub fn new(label: impl Into<String>, note: impl Into<String>, choice: MenuChoice) -> Self {
        Self {
            label: label.into(),
            note: note.into(),
            words: String::new(),
            why: None,
            choice,
            key: None,
        }
    }

    /// A heading between lines.
    pub fn heading(label: impl Into<String>) -> Self {
        Self::new(label, "", MenuChoice::Nothing)
    }

    /// Whether it is the path of an account.
    pub fn is_path(&self) -> bool {
        matches!(self.choice, MenuChoice::MoveTo(_) | MenuChoice::Hang(..) | MenuChoice::GoTo(_))
    }

    /// What is matched: of a path the part that differs.
    fn match_text(&self) -> &str {
        let below = self.label.split_once(" / ").filter(|_| self.is_path());
        below.map_or(self.label.as_str(), |(_, rest)| rest)
    }

    fn is_heading(&self) -> bool {
        self.choice == MenuChoice::Nothing && self.why.is_none()
    }
}

/// A list, narrowed and with a cursor.
#[derive(Debug)]
pub struct Chooser {
    /// The heading.
    pub title: String,
    /// The corner it opens at; in the middle without one.
    pub at: Option<(u16, u16)>,
    /// The line that narrows it.
    pub input: Option<Input>,
    /// Every line.
    pub items: Vec<Choosable>,
    /// The lines that fit what is typed, best first.
    pub shown: Vec<usize>,
    /// The line under the cursor, among those shown.
    pub cursor: usize,
}

impl Chooser {
    /// A menu at a corner of the screen.
    pub fn menu(title: impl Into<String>, at: Option<(u16, u16)>, items: Vec<Choosable>) -> Self {
        let mut menu = Self { title: title.into(), at, input: None, items, shown: Vec::new(), cursor: 0 };
        menu.narrow();
        menu
    }

    /// A picker with a line to narrow it.
    pub fn picker(title: impl Into<String>, items: Vec<Choosable>) -> Self {
        let mut picker = Self::menu(title, None, items);
        picker.input = Some(Input::default());
        picker
    }

    /// What is typed.
    pub fn input_text(&self) -> &str {
        self.input.as_ref().map_or("", Input::value)
    }

    fn narrow(&mut self) {
        let typed = self.input_text().trim().to_owned();
        self.cursor = 0;
        if typed.is_empty() {
            self.shown = (0..self.items.len()).collect();
        } else {
            let matcher = SkimMatcherV2::default().ignore_case();
            let lower = typed.to_lowercase();
            let score = |item: &Choosable| {
                let label = matcher.fuzzy_match(item.match_text(), &typed).map(|s| s * 2);
                // Other words count only where they are spelt out: letters strewn over a sentence
                // mean nothing.
                label.or_else(|| item.words.to_lowercase().contains(&lower).then_some(1))
            };
            let mut scored: Vec<(i64, usize)> = self
                .items
                .iter()
                .enumerate()
                .filter(|(_, item)| !item.is_heading())
                .filter_map(|(i, item)| Some((score(item)?, i)))
                .collect();
            scored.sort_by_key(|(score, i)| (std::cmp::Reverse(*score), *i));
            // Far behind the best is noise.
            let best = scored.first().map_or(0, |(score, _)| *score);
            scored.retain(|(score, _)| *score == 1 || *score * 2 >= best);
            self.shown = scored.into_iter().map(|(_, i)| i).collect();
        }
        self.skip_headings(1);
    }

    fn skip_headings(&mut self, by: i64) {
        let heading = |at: usize| self.shown.get(at).is_some_and(|i| self.items[*i].is_heading());
        let mut at = self.cursor;
        while heading(at) {
            match (by > 0, at) {
                (true, at_now) if at_now + 1 < self.shown.len() => at += 1,
                (false, at_now) if at_now > 0 => at -= 1,
                _ => break,
            }
        }
        if heading(at) {
            // Only headings that way: look the other way.
            at = (0..self.shown.len()).find(|i| !heading(*i)).unwrap_or(0);
        }
        self.cursor = at;
    }

    fn step(&mut self, by: i64) {
        let last = self.shown.len().saturating_sub(1) as i64;
        self.cursor = (self.cursor as i64 + by).clamp(0, last) as usize;
        self.skip_headings(by);
    }

    /// The line under the cursor.
    pub fn current(&self) -> Option<&Choosable> {
        self.shown.get(self.cursor).map(|i| &self.items[*i])
    }

    /// Chooses the line under the cursor.
    pub fn choose(&self) -> DialogResponse {
        match self.current() {
            None => DialogResponse::Stay,
            Some(item) => match &item.why {
                Some(why) => DialogResponse::Say(format!("{}: {why}", item.label)),
                None => DialogResponse::Choose(item.choice.clone()),
            },
        }
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> DialogResponse {
        match key.code {
            Code::Esc => return DialogResponse::Close,
            Code::Enter => return self.choose(),
            Code::Up => self.step(-1),
            Code::Down | Code::Tab => self.step(1),
            Code::BackTab => self.step(-1),
            Code::PageUp => self.step(-10),
            Code::PageDown => self.step(10),
            Code::Home if self.input.is_none() => self.step(i64::from(i32::MIN)),
            Code::End if self.input.is_none() => self.step(i64::from(i32::MAX)),
            _ => return self.other(key),
        }
        DialogResponse::Stay
    }

    fn other(&mut self, key: Key) -> DialogResponse {
        if let Some(input) = &mut self.input {
            if edit(input, key) {
                self.narrow();
            }
            return DialogResponse::Stay;
        }
        let Some(typed) = key.typed_char() else { return DialogResponse::Stay };
        match typed {
            'j' => self.step(1),
            'k' => self.step(-1),
            'q' => return DialogResponse::Close,
            c => {
                if let Some(at) = self.shown.iter().position(|i| self.items[*i].key == Some(c)) {
                    self.cursor = at;
                    return self.choose();
                }
            }
        }
        DialogResponse::Stay
    }

    /// Takes pasted text into the line.
    pub fn paste(&mut self, text: &str) {
        if let Some(input) = &mut self.input {
            insert(input, text);
            self.narrow();
        }
    }
}

/// Edits a line; true when its text changed.
pub fn edit(input: &mut Input, key: Key) -> bool {
    let request = match key.code {
        Code::Char(c) if !key.ctrl && !key.alt => InputRequest::InsertChar(c),
        Code::Char('a') if key.ctrl => InputRequest::GoToStart,
        Code::Char('e') if key.ctrl => InputRequest::GoToEnd,
        Code::Char('u') if key.ctrl => InputRequest::DeleteLine,
        Code::Char('w') if key.ctrl => InputRequest::DeletePrevWord,
        Code::Char('k') if key.ctrl => InputRequest::DeleteTillEnd,
        Code::Backspace => InputRequest::DeletePrevChar,
        Code::Delete => InputRequest::DeleteNextChar,
        Code::Left => InputRequest::GoToPrevChar,
        Code::Right => InputRequest::GoToNextChar,
        Code::Home => InputRequest::GoToStart,
        Code::End => InputRequest::GoToEnd,
        _ => return false,
    };
    input.handle(request).is_some_and(|change| change.value)
}

/// Inserts text at the cursor of a line.
pub fn insert(input: &mut Input, text: &str) {
    for c in text.chars() {
        input.handle(InputRequest::InsertChar(c));
    }
}
