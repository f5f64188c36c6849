//! The Filter Builder: conditions in rows beside the text they make; either side is edited, both
//! stay in step.

use std::collections::BTreeMap;
use std::sync::Arc;

use estate::filter::suggest::{Known, TITLES};
use estate::{Accounts, Field, Filter, List, Lookup, Value};

use super::chooser::{Choosable, Chooser};
use super::line::{Holds, Line, Typed};
use crate::tui::conditions::{Group, Node, Path, Row, Verb, as_typed, verbs};
use crate::tui::overlay::response::{DialogResponse, MenuChoice};
use crate::tui::term::{Code, Key};

/// What the keys go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    /// The rows.
    Rows,
    /// The text.
    Text,
}

/// A part of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// What is asked about.
    Field,
    /// How it compares.
    Verb,
    /// With what.
    Value,
}

/// The dialog.
#[derive(Debug)]
pub struct Builder {
    /// The conditions.
    pub whole: Group,
    /// The line under the cursor.
    pub line: usize,
    /// The cell under the cursor.
    pub cell: Cell,
    /// What the keys go to.
    pub focus: Focus,
    /// The value of the row under the cursor, while it is typed.
    pub edit: Option<Line>,
    /// The text.
    pub text: Line,
    /// How many SIMs it matches; `None` while they are counted.
    pub count: Option<u64>,
    /// What is wrong with single conditions, worked out once a change: a list may be long.
    pub faults: BTreeMap<Path, String>,
    /// The filter it opened on.
    before: Filter,
    /// Whether leaving with changes was asked about.
    warned: bool,
    /// Whether all of it can be read, a value that is being typed included.
    pub readable: bool,
    /// A list that is to be opened over it.
    pub asked: Option<Chooser>,
    /// Why they cannot be counted.
    pub fault: Option<String>,
    /// The accounts that can be chosen.
    pub accounts: Arc<Accounts>,
    /// The values that can be chosen.
    pub known: Known,
}

impl Builder {
    /// Opens on a filter; without one, on a first condition to be filled in.
    pub fn new(filter: &Filter, accounts: Arc<Accounts>, known: Known) -> Self {
        let mut whole = Group::of(filter);
        let blank = whole.nodes.is_empty();
        if blank {
            whole.nodes.push(Node::Row(Row::blank(Field::Account)));
        }
        let cell = if blank { Cell::Field } else { Cell::Value };
        let text = Line::new(&filter.to_string(), Holds::Filter);
        let (focus, edit, count, asked, fault) = (Focus::Rows, None, None, None, None);
        let faults = BTreeMap::new();
        Self {
            whole,
            line: 1,
            cell,
            focus,
            edit,
            text,
            count,
            faults,
            readable: true,
            before: filter.clone(),
            warned: false,
            asked,
            fault,
            accounts,
            known,
        }
    }

    /// The filter as it stands; with a value being typed, as if it were done.
    pub fn filter(&self) -> estate::Result<Filter> {
        match &self.edit {
            None => self.whole.filter(),
            Some(edit) => {
                let mut whole = self.whole.clone();
                if let Some(row) = whole.row(&self.path()) {
                    edit.text().clone_into(&mut row.value);
                }
                whole.filter()
            }
        }
    }

    /// The part under the cursor.
    pub fn path(&self) -> Path {
        self.whole.lines().get(self.line).cloned().unwrap_or_default()
    }

    /// The condition under the cursor.
    pub fn row(&self) -> Option<&Row> {
        match self.whole.get(&self.path())? {
            Node::Row(row) => Some(row),
            Node::Group(_) => None,
        }
    }

    /// The rows were changed: the text follows, and the matches are counted anew.
    fn after_change(&mut self) -> DialogResponse {
        self.line = self.line.min(self.whole.lines().len() - 1);
        if let Ok(filter) = self.whole.filter() {
            self.text.set(&filter.to_string());
        }
        self.recount()
    }

    fn recount(&mut self) -> DialogResponse {
        let faulty = |path: Path| match self.whole.get(&path) {
            Some(Node::Row(row)) => row.fault().map(|fault| (path, fault)),
            _ => None,
        };
        self.faults = self.whole.lines().into_iter().filter_map(faulty).collect();
        self.readable = self.filter().is_ok();
        self.count = None;
        self.fault = None;
        DialogResponse::Tally
    }

    /// Takes a value that is typed, and tells whether anything changed.
    pub fn leave(&mut self) -> DialogResponse {
        if self.edit.is_none() {
            return DialogResponse::Stay;
        }
        self.accept();
        self.after_change()
    }

    /// Puts the cursor on a cell.
    pub fn point(&mut self, path: &[usize], cell: Cell) {
        self.go_to(path);
        self.cell = cell;
    }

    fn go_to(&mut self, path: &[usize]) {
        self.line = self.whole.lines().iter().position(|p| p == path).unwrap_or(0);
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> DialogResponse {
        if self.edit.is_some() {
            return self.edit_key(key);
        }
        if key.code == Code::Esc {
            return self.leave_all();
        }
        self.warned = false;
        match (self.focus, key.code) {
            (Focus::Text, _) => self.text_key(key),
            (Focus::Rows, Code::Tab | Code::BackTab) => {
                self.focus = Focus::Text;
                DialogResponse::Stay
            }
            (Focus::Rows, _) => self.rows_key(key),
        }
    }

    /// Esc: the suggestions go first; what was changed is asked about.
    fn leave_all(&mut self) -> DialogResponse {
        if self.focus == Focus::Text && self.text.put_away() {
            return DialogResponse::Stay;
        }
        let changed = self.text.fault.is_some() || self.whole.filter().as_ref() != Ok(&self.before);
        if changed && !self.warned {
            self.warned = true;
            return DialogResponse::Say("Esc again drops what was changed here; y applies it".into());
        }
        DialogResponse::Close
    }

    /// The text is typed in: what can be read becomes rows.
    fn text_key(&mut self, key: Key) -> DialogResponse {
        let accounts = Arc::clone(&self.accounts);
        match self.text.key(key, &accounts, &self.known) {
            Typed::Changed | Typed::Done => self.read_text(),
            Typed::Same => DialogResponse::Stay,
            Typed::No => match key.code {
                Code::Enter if self.text.fault.is_none() => DialogResponse::Apply(false),
                Code::Enter => {
                    DialogResponse::Say("this cannot be read yet: mend it where the mark is".into())
                }
                Code::BackTab | Code::Up => {
                    self.focus = Focus::Rows;
                    DialogResponse::Stay
                }
                _ => DialogResponse::Stay,
            },
        }
    }

    /// The text was changed: what can be read becomes rows.
    pub fn read_text(&mut self) -> DialogResponse {
        let Ok(filter) = Filter::parse(self.text.text()) else { return DialogResponse::Stay };
        self.whole = Group::of(&filter);
        self.line = self.line.min(self.whole.lines().len() - 1);
        self.recount()
    }

    fn rows_key(&mut self, key: Key) -> DialogResponse {
        let last = self.whole.lines().len() - 1;
        match key.code {
            Code::Up | Code::Char('k') => self.line = self.line.saturating_sub(1),
            Code::Down | Code::Char('j') => self.line = (self.line + 1).min(last),
            Code::Home => self.line = 0,
            Code::End => self.line = last,
            Code::Left => {
                self.cell = if self.cell == Cell::Value { Cell::Verb } else { Cell::Field };
            }
            Code::Right => self.cell = if self.cell == Cell::Field { Cell::Verb } else { Cell::Value },
            Code::Enter | Code::Char(' ') => return self.open(),
            Code::Delete => return self.act('x'),
            Code::Char(c) if !key.ctrl && !key.alt => return self.act(c),
            _ => {}
        }
        DialogResponse::Stay
    }

    /// What a letter does to the part under the cursor.
    pub fn act(&mut self, letter: char) -> DialogResponse {
        if self.edit.is_some() {
            self.accept();
        }
        self.focus = Focus::Rows;
        let path = self.path();
        let at = match letter {
            'a' => {
                self.cell = Cell::Field;
                let row = Node::Row(Row::blank(Field::Account));
                match self.whole.get(&path) {
                    // From the head of a group that has something in it, the next condition comes
                    // after the group.
                    Some(Node::Group(group)) if !group.nodes.is_empty() => {
                        self.whole.add_after(&path, row)
                    }
                    _ => self.whole.add(&path, row),
                }
            }
            'A' => {
                self.cell = Cell::Field;
                let any = !self.in_any(&path);
                let group =
                    Group { negated: false, any, nodes: vec![Node::Row(Row::blank(Field::Account))] };
                let mut at = self.whole.add(&path, Node::Group(group));
                at.push(0);
                at
            }
            'n' => {
                self.whole.negate(&path);
                path
            }
            'o' => {
                self.whole.turn(&path);
                path
            }
            'd' => self.whole.duplicate(&path),
            'x' if path.is_empty() => return DialogResponse::Say("r takes all conditions away".into()),
            'x' => {
                self.whole.remove(&path);
                let line = self.line;
                self.line = line.min(self.whole.lines().len() - 1);
                self.path()
            }
            'K' => self.whole.shift(&path, false),
            'J' => self.whole.shift(&path, true),
            'y' => return DialogResponse::Apply(false),
            's' => return DialogResponse::Apply(true),
            'h' => return DialogResponse::Recent,
            'r' => {
                self.whole =
                    Group { nodes: vec![Node::Row(Row::blank(Field::Account))], ..Group::default() };
                (self.line, self.cell) = (1, Cell::Field);
                vec![0]
            }
            _ => return DialogResponse::Stay,
        };
        self.go_to(&at);
        self.after_change()
    }

    fn in_any(&mut self, path: &[usize]) -> bool {
        let way = if self.whole.group(path).is_some() {
            path
        } else {
            path.split_last().map_or(path, |(_, w)| w)
        };
        self.whole.group(way).is_some_and(|group| group.any)
    }

    /// Opens the cell under the cursor: a list to choose from, or a line to type in.
    pub fn open(&mut self) -> DialogResponse {
        let Some(row) = self.row().cloned() else { return self.act('o') };
        match self.cell {
            Cell::Field => self.ask(fields(row.field)),
            Cell::Verb => self.ask(comparisons(&row)),
            Cell::Value if !row.verb.takes_value() => {
                DialogResponse::Say(format!("\"{}\" needs no value", row.verb.label(row.field)))
            }
            Cell::Value if matches!(row.verb, Verb::Under | Verb::At) && row.values().len() < 2 => {
                self.ask(self.paths(row.values().first()))
            }
            Cell::Value => {
                let holds =
                    if row.verb == Verb::Reads { Holds::Filter } else { Holds::Values(row.field) };
                let mut line = Line::new(&row.value, holds);
                line.offer(&self.accounts, &self.known, true);
                self.edit = Some(line);
                DialogResponse::Stay
            }
        }
    }

    fn ask(&mut self, chooser: Chooser) -> DialogResponse {
        self.asked = Some(chooser);
        DialogResponse::Ask
    }

    fn paths(&self, now: Option<&Value>) -> Chooser {
        let line = |account: &estate::Account| {
            let path = self.accounts.path(account.id);
            let note = estate::number::sims(account.subtree);
            let label = self.accounts.names(account.id).join(" / ");
            Choosable::new(label, note, MenuChoice::Value(as_typed(&[Value::Text(path)])))
        };
        let mut chooser = Chooser::picker("Account", self.accounts.all().iter().map(line).collect());
        let here = |account: &estate::Account| {
            now.is_some_and(|now| *now == Value::Text(self.accounts.path(account.id)))
        };
        chooser.cursor = self.accounts.all().iter().position(here).unwrap_or(0);
        chooser
    }

    fn edit_key(&mut self, key: Key) -> DialogResponse {
        let accounts = Arc::clone(&self.accounts);
        let Some(edit) = &mut self.edit else { return DialogResponse::Stay };
        match edit.key(key, &accounts, &self.known) {
            Typed::Changed => self.recount(),
            Typed::Done => {
                self.accept();
                self.after_change()
            }
            Typed::Same => DialogResponse::Stay,
            Typed::No => match key.code {
                Code::Esc if edit.put_away() => DialogResponse::Stay,
                Code::Esc => {
                    self.edit = None;
                    self.recount()
                }
                Code::Enter | Code::Up | Code::Down | Code::BackTab => {
                    self.accept();
                    self.after_change()
                }
                _ => DialogResponse::Stay,
            },
        }
    }

    /// Takes the typed value into its row.
    pub fn accept(&mut self) {
        let Some(edit) = self.edit.take() else { return };
        let path = self.path();
        if let Some(row) = self.whole.row(&path) {
            edit.text().trim().clone_into(&mut row.value);
        }
    }

    /// Takes what was chosen for the cell under the cursor.
    pub fn take_choice(&mut self, choice: &MenuChoice) -> DialogResponse {
        let path = self.path();
        let Some(row) = self.whole.row(&path) else { return DialogResponse::Stay };
        match choice {
            MenuChoice::Field(field) => {
                if row.field.shape() != field.shape() {
                    row.value.clear();
                }
                row.field = *field;
                if !verbs(*field).contains(&row.verb) {
                    row.verb = verbs(*field)[0];
                }
                self.cell = Cell::Verb;
            }
            MenuChoice::Verb(verb) => {
                row.turn_to(*verb);
                self.cell = Cell::Value;
            }
            MenuChoice::Value(value) => value.clone_into(&mut row.value),
            _ => return DialogResponse::Stay,
        }
        self.after_change()
    }

    /// Takes pasted text: a list of numbers as a condition of its own, anything else into the line
    /// that is open.
    pub fn paste(&mut self, text: &str) -> DialogResponse {
        let accounts = Arc::clone(&self.accounts);
        match List::read(text) {
            Err(error) => return DialogResponse::Say(error.to_string()),
            Ok(list) if list.entries.len() > 1 => return DialogResponse::LookUp(list),
            Ok(_) => {}
        }
        if self.focus == Focus::Text {
            self.text.paste(text, &accounts, &self.known);
            return self.read_text();
        }
        let path = self.path();
        match (&mut self.edit, self.whole.row(&path)) {
            (Some(edit), _) => {
                edit.paste(text, &accounts, &self.known);
                self.recount()
            }
            (None, Some(row)) if self.cell == Cell::Value && row.verb.takes_value() => {
                estate::text::clean(text).trim().clone_into(&mut row.value);
                self.after_change()
            }
            _ => DialogResponse::Say("open the value first, then paste".into()),
        }
    }

    /// Takes the numbers of a list that was looked up: a condition that wants a value becomes them,
    /// else one is added.
    pub fn take_list(&mut self, found: &Lookup) {
        self.edit = None;
        self.focus = Focus::Rows;
        let row = |(field, numbers): (&Field, &Vec<String>)| {
            Node::Row(Row { negated: false, field: *field, verb: Verb::Is, value: numbers.join(", ") })
        };
        let mut rows: Vec<Node> = found.numbers.iter().map(row).collect();
        let node = match rows.len() {
            0 => return,
            1 => rows.remove(0),
            _ => Node::Group(Group { negated: false, any: true, nodes: rows }),
        };
        let path = self.path();
        let at = match self.whole.row(&path) {
            Some(row) if row.text().is_none() => {
                let at = self.whole.add_after(&path, node);
                self.whole.remove(&path);
                at.split_last().map_or_else(Path::new, |(last, way)| [way, &[last - 1]].concat())
            }
            _ => self.whole.add(&path, node),
        };
        self.go_to(&at);
        self.after_change();
    }

    /// Takes accounts that were read anew.
    pub fn know_accounts(&mut self, accounts: &Arc<Accounts>) {
        self.accounts = Arc::clone(accounts);
    }
}

fn fields(now: Field) -> Chooser {
    let line = |(field, title): &(Field, &str)| Choosable {
        words: field.name().to_owned(),
        ..Choosable::new(*title, field.name(), MenuChoice::Field(*field))
    };
    let mut chooser = Chooser::picker("Field", TITLES.iter().map(line).collect());
    chooser.cursor = TITLES.iter().position(|row| row.0 == now).unwrap_or(0);
    chooser
}

fn comparisons(row: &Row) -> Chooser {
    let line = |verb: &Verb| Choosable::new(verb.label(row.field), "", MenuChoice::Verb(*verb));
    let mut chooser = Chooser::menu(row.field.title(), None, verbs(row.field).iter().map(line).collect());
    chooser.cursor = verbs(row.field).iter().position(|v| *v == row.verb).unwrap_or(0);
    chooser
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builder(text: &str) -> Builder {
        let filter = Filter::parse(text).expect(text);
        Builder::new(&filter, Arc::new(Accounts::default()), Known::new())
    }

    fn keys(builder: &mut Builder, keys: &str) {
        for c in keys.chars() {
            builder.key(match c {
                '\n' => Key::plain(Code::Enter),
                '\t' => Key::plain(Code::Tab),
                '→' => Key::plain(Code::Right),
                '↓' => Key::plain(Code::Down),
                c => Key::char(c),
            });
        }
    }

    #[test]
    fn either_side_is_edited_and_the_other_follows() {
        let mut b = builder("status=active");
        keys(&mut b, "n");
        assert_eq!(b.text.text(), "-status=active");
        keys(&mut b, "a");
        b.take_choice(&MenuChoice::Field(Field::Used));
        b.take_choice(&MenuChoice::Verb(Verb::More));
        keys(&mut b, "\n1GB");
        assert_eq!(b.filter().expect("trial").to_string(), "-status=active used>1GB");
        assert_eq!(b.text.text(), "-status=active", "not before Enter");
        keys(&mut b, "\n");
        assert_eq!(b.text.text(), "-status=active used>1GB");
        keys(&mut b, "\t or no:cap");
        assert_eq!(b.whole.lines().len(), 5);
        assert!(b.whole.any);
    }

    #[test]
    fn what_cannot_be_read_is_said_and_nothing_is_lost() {
        let mut b = builder("used>1GB");
        keys(&mut b, "j");
        assert_eq!(b.focus, Focus::Rows, "letters stay commands");
        keys(&mut b, "\nx\n");
        assert!(b.row().expect("row").fault().expect("fault").contains("a size"));
        assert_eq!(b.row().expect("row").value, "1GBx");
        assert!(b.filter().is_err());
        keys(&mut b, "\t(");
        assert!(b.text.fault.is_some());
        assert!(matches!(b.key(Key::plain(Code::Enter)), DialogResponse::Say(_)));
        b.text.put_away();
        assert!(
            matches!(b.key(Key::plain(Code::Esc)), DialogResponse::Say(_)),
            "changes are asked about"
        );
        assert_eq!(b.key(Key::plain(Code::Esc)), DialogResponse::Close);
    }

    #[test]
    fn the_next_condition_comes_after_a_group_from_its_head() {
        let mut b = builder("(a or b)");
        keys(&mut b, "aa");
        assert_eq!(b.whole.lines().len(), 5, "the whole has no other head");
        let mut b = builder("c (a or b)");
        b.line = 2;
        keys(&mut b, "a");
        assert_eq!(b.path(), [2]);
        b.take_choice(&MenuChoice::Verb(Verb::Is));
        b.take_choice(&MenuChoice::Value("Acme".into()));
        assert_eq!(b.text.text(), "c (a or b) account=Acme");
    }
}
