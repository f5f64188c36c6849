//! Text over as many lines as it takes.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Breaks text into lines of at most that width, at blanks where it can.
pub fn wrap(text: &str, width: u16) -> Vec<String> {
    let width = usize::from(width.max(1));
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            if !line.is_empty() && line.width() + 1 + word.width() > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
            while line.width() > width {
                let head: String = line
                    .chars()
                    .scan(0, |w, c| {
                        *w += c.width().unwrap_or(0);
                        (*w <= width).then_some(c)
                    })
                    .collect();
                if head.is_empty() {
                    break;
                }
                let rest = line[head.len()..].to_owned();
                lines.push(std::mem::replace(&mut line, rest));
                let last = lines.len() - 1;
                lines[last] = head;
            }
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_wraps() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("a\nb", 9), ["a", "b"]);
    }
}
