//! Markdown (`CommonMark`) as lines for a terminal: headings, lists, links as text with their
//! address. Raw HTML is text.

use estate::text::clean;
use pulldown_cmark::{Event, HeadingLevel, Parser, Tag, TagEnd};

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A heading: 1 is the largest.
    Heading(u8),
    /// A paragraph, or a part of a list; continued lines hang this far in.
    Text(u16),
    /// Text as it stands.
    Code,
    /// Nothing.
    Blank,
}

/// One line, still to be wrapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is.
    pub kind: Kind,
    /// Its text.
    pub text: String,
}

/// What is being put together.
#[derive(Default)]
struct Page {
    lines: Vec<Line>,
    text: String,
    /// For each list that is open, the number of its next item; 0 where they are not numbered.
    lists: Vec<u64>,
    heading: u8,
    code: bool,
    link: Option<(String, usize)>,
}

impl Page {
    /// Ends the line that is being written.
    fn end(&mut self) {
        let text = std::mem::take(&mut self.text);
        if text.trim().is_empty() {
            return;
        }
        let kind = match self.heading {
            0 => Kind::Text(if self.lists.is_empty() { 0 } else { self.indent() + 2 }),
            level => Kind::Heading(level),
        };
        self.lines.push(Line { kind, text: clean(text.trim_end()).into_owned() });
    }

    /// A blank line, unless there is one or nothing before it.
    fn blank(&mut self) {
        self.end();
        if self.lines.last().is_some_and(|line| line.kind != Kind::Blank) {
            self.lines.push(Line { kind: Kind::Blank, text: String::new() });
        }
    }

    fn indent(&self) -> u16 {
        2 * (self.lists.len() as u16).saturating_sub(1)
    }

    fn item(&mut self) {
        self.end();
        let indent = " ".repeat(usize::from(self.indent()));
        let mark = match self.lists.last_mut() {
            Some(0) | None => "- ".to_owned(),
            Some(number) => {
                *number += 1;
                format!("{}. ", *number - 1)
            }
        };
        self.text = format!("{indent}{mark}");
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => {
                self.blank();
                self.heading = level_of(level);
            }
            Tag::List(first) => {
                if self.lists.is_empty() {
                    self.blank();
                }
                self.end();
                self.lists.push(first.unwrap_or(0));
            }
            Tag::Item => self.item(),
            Tag::CodeBlock(_) => {
                self.blank();
                self.code = true;
            }
            Tag::Paragraph if self.lists.is_empty() => self.blank(),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.link = Some((dest_url.into_string(), self.text.len()));
            }
            _ => {}
        }
    }

    fn finish(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) => {
                self.end();
                self.heading = 0;
            }
            TagEnd::List(_) => {
                self.end();
                self.lists.pop();
            }
            TagEnd::Item | TagEnd::Paragraph => self.end(),
            TagEnd::CodeBlock => {
                self.code = false;
                self.blank();
            }
            TagEnd::Link | TagEnd::Image => {
                if let Some((url, from)) = self.link.take() {
                    let said = self.text.get(from..).unwrap_or_default();
                    // An address that is its own text is not said twice.
                    if said != url && format!("mailto:{said}") != url {
                        let url = url.strip_prefix("mailto:").unwrap_or(&url).to_owned();
                        self.text.push_str(&format!(" <{url}>"));
                    }
                }
            }
            _ => {}
        }
    }

    fn code_lines(&mut self, text: &str) {
        let line = |text: &str| Line { kind: Kind::Code, text: clean(text).into_owned() };
        self.lines.extend(text.lines().map(line));
    }
}

fn level_of(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        _ => 3,
    }
}

/// Reads Markdown.
pub fn lines(markdown: &str) -> Vec<Line> {
    let mut page = Page::default();
    for event in Parser::new(markdown) {
        match event {
            Event::Start(tag) => page.start(tag),
            Event::End(tag) => page.finish(tag),
            Event::Text(text) if page.code => page.code_lines(&text),
            Event::Text(text) | Event::Code(text) | Event::Html(text) | Event::InlineHtml(text) => {
                page.text.push_str(&text);
            }
            Event::SoftBreak => page.text.push(' '),
            Event::HardBreak => page.end(),
            Event::Rule => page.blank(),
            _ => {}
        }
    }
    page.end();
    while page.lines.last().is_some_and(|line| line.kind == Kind::Blank) {
        page.lines.pop();
    }
    page.lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_lists_and_links_become_lines() {
        let page = "# Help\nCall [us](tel:+44), or\n<https://x.example>.\n\n1. one\n2. two\n   - deep\n\n## More\n\
                    ask <ops@x.example>\n\n```\na  b\n```\n<b>raw</b>";
        let read = lines(page);
        let shown: Vec<(Kind, &str)> = read.iter().map(|l| (l.kind, l.text.as_str())).collect();
        let blank = (Kind::Blank, "");
        assert_eq!(
            shown,
            [
                (Kind::Heading(1), "Help"),
                blank,
                (Kind::Text(0), "Call us <tel:+44>, or https://x.example."),
                blank,
                (Kind::Text(2), "1. one"),
                (Kind::Text(2), "2. two"),
                (Kind::Text(4), "  - deep"),
                blank,
                (Kind::Heading(2), "More"),
                blank,
                (Kind::Text(0), "ask ops@x.example"),
                blank,
                (Kind::Code, "a  b"),
                blank,
                (Kind::Text(0), "<b>raw</b>"),
            ]
        );
    }

    #[test]
    fn nothing_in_a_page_reaches_the_terminal_as_more_than_text() {
        let hostile = "a\u{1b}[2Jb\u{202e} [c\u{7}](http://x/\u{1b}]0;t\u{7})\n\n    code\u{9b}1m";
        for line in lines(hostile) {
            assert_eq!(clean(&line.text), line.text);
        }
    }
}
