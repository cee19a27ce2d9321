//! Rust source as tokens: comments dropped, strings kept apart from code, unit tests cut out.

/// A token and the line it starts on, counted from 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    pub line: usize,
    pub kind: Kind,
}

/// What the rules can tell apart.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Word(String),
    /// The contents of any kind of string.
    Text(String),
    /// `::`
    Path,
    /// Anything else, one character at a time.
    Mark(char),
}

impl Token {
    pub fn word(&self) -> Option<&str> {
        if let Kind::Word(word) = &self.kind { Some(word) } else { None }
    }

    pub fn is(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }

    pub fn is_path(&self) -> bool {
        self.kind == Kind::Path
    }
}

/// Splits source into tokens. Source that does not compile may give nonsense, but always an answer.
pub fn read(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { chars: text.chars().collect(), at: 0, line: 1, tokens: Vec::new() };
    while lexer.at < lexer.chars.len() {
        lexer.step();
    }
    lexer.tokens
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
    tokens: Vec<Token>,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn advance(&mut self) -> char {
        let next = self.peek(0);
        self.line += usize::from(next == '\n');
        self.at += 1;
        next
    }

    fn push(&mut self, line: usize, kind: Kind) {
        self.tokens.push(Token { line, kind });
    }

    fn step(&mut self) {
        let (line, next) = (self.line, self.peek(0));
        match (next, self.peek(1)) {
            ('/', '/') => self.skip_while(|next| next != '\n'),
            ('/', '*') => self.skip_block_comment(),
            ('"', _) => self.string(line),
            ('\'', _) => self.quote(),
            (':', ':') => {
                self.at += 2;
                self.push(line, Kind::Path);
            }
            _ if next.is_whitespace() => {
                self.advance();
            }
            _ if next.is_alphanumeric() || next == '_' => self.word(line),
            _ => {
                self.advance();
                self.push(line, Kind::Mark(next));
            }
        }
    }

    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        while self.at < self.chars.len() && wanted(self.peek(0)) {
            self.advance();
        }
    }

    fn skip_block_comment(&mut self) {
        let mut depth = 0_usize;
        while self.at < self.chars.len() {
            match (self.peek(0), self.peek(1)) {
                ('/', '*') => depth += 1,
                ('*', '/') => depth -= 1,
                _ => {
                    self.advance();
                    continue;
                }
            }
            self.at += 2;
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self, line: usize) {
        self.advance();
        let mut text = String::new();
        while self.at < self.chars.len() {
            match self.advance() {
                '"' => break,
                '\\' => {
                    text.push('\\');
                    text.push(self.advance());
                }
                other => text.push(other),
            }
        }
        self.push(line, Kind::Text(text));
    }

    fn raw_string(&mut self, line: usize, hashes: usize) {
        self.at += hashes + 1;
        let mut text = String::new();
        while self.at < self.chars.len() {
            let closes = self.peek(0) == '"' && (1..=hashes).all(|ahead| self.peek(ahead) == '#');
            if closes {
                self.at += hashes + 1;
                break;
            }
            text.push(self.advance());
        }
        self.push(line, Kind::Text(text));
    }

    /// A character, which is dropped, or a lifetime, of which only the quote is.
    fn quote(&mut self) {
        let is_escape = self.peek(1) == '\\';
        let is_character = is_escape || self.peek(2) == '\'';
        self.advance();
        if is_character {
            self.at += usize::from(is_escape);
            self.advance();
            self.skip_while(|next| next != '\'');
            self.advance();
        } else {
            self.skip_while(|next| next.is_alphanumeric() || next == '_');
        }
    }

    fn word(&mut self, line: usize) {
        let start = self.at;
        self.skip_while(|next| next.is_alphanumeric() || next == '_');
        let word: String = self.chars[start..self.at].iter().collect();
        let hashes = (0..).take_while(|&ahead| self.peek(ahead) == '#').count();
        let is_raw = matches!(word.as_str(), "r" | "br" | "cr");
        match (self.peek(0), word.as_str()) {
            _ if is_raw && self.peek(hashes) == '"' => self.raw_string(line, hashes),
            ('"', "b" | "c") => self.string(line),
            ('\'', "b") => self.quote(),
            ('#', "r") if hashes == 1 && self.peek(1).is_alphabetic() => self.at += 1,
            _ if word.starts_with(|first: char| first.is_ascii_digit()) => {}
            _ => self.push(line, Kind::Word(word)),
        }
    }
}

/// Cuts out the items under `#[cfg(test)]`; also gives the names of such modules that live in a file of their own.
pub fn without_tests(tokens: &[Token]) -> (Vec<Token>, Vec<String>) {
    let (mut kept, mut modules) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        let Some(after_attribute) = test_attribute(tokens, at) else {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        };
        let end = item_end(tokens, after_attribute);
        let item = &tokens[after_attribute..end];
        let name = item.iter().skip_while(|token| token.word() != Some("mod")).nth(1).and_then(Token::word);
        if let (Some(name), Some(true)) = (name, item.last().map(|last| last.is(';'))) {
            modules.push(name.to_owned());
        }
        at = end;
    }
    (kept, modules)
}

/// If a `#[cfg(…test…)]` starts here: where it ends.
fn test_attribute(tokens: &[Token], at: usize) -> Option<usize> {
    let opens = tokens.get(at)?.is('#') && tokens.get(at + 1)?.is('[');
    if !opens || tokens.get(at + 2)?.word() != Some("cfg") {
        return None;
    }
    let end = closing(tokens, at + 1);
    let has = |word| tokens[at..end].iter().any(|token| token.word() == Some(word));
    // `any(test, …)` and `not(test)` are also compiled into the product.
    (has("test") && !has("not") && !has("any")).then_some(end)
}

/// Where the item that starts here ends, its further attributes included.
fn item_end(tokens: &[Token], mut at: usize) -> usize {
    while at < tokens.len() {
        let token = &tokens[at];
        if token.is('{') {
            return closing(tokens, at);
        }
        if token.is('(') || token.is('[') {
            at = closing(tokens, at);
        } else if token.is(';') {
            return at + 1;
        } else {
            at += 1;
        }
    }
    at
}

/// One past the bracket that closes the one here.
fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            Kind::Mark('(' | '[' | '{') => depth += 1,
            Kind::Mark(')' | ']' | '}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        read(text).iter().filter_map(|token| token.word().map(str::to_owned)).collect()
    }

    #[test]
    fn comments_strings_and_characters_are_not_code() {
        let text = r##"a /* x /* y */ z */ b // c
            "d \" e" r"f\" g r#"h " i"# br"j" b"k" c"l" 'm' '\'' b'n' '\u{6f}' o 'p: q 0x1f 1e3 r#s"##;
        assert_eq!(words(text), ["a", "b", "g", "o", "q", "s"]);
    }

    #[test]
    fn lines_are_counted_through_comments_and_strings() {
        let text = "/* \n */ \"\n\\\n\" // \n a";
        assert_eq!(read(text).last().map(|token| token.line), Some(5));
    }

    #[test]
    fn unit_tests_are_cut_out() {
        let text = "a #[cfg(test)] #[allow(x)] mod tests { b { c } } d #[cfg(all(test, unix))] mod files; e \
                    #[cfg(not(test))] fn f() {} #[cfg(test)] fn g(x: [u8; 3]) { h } i";
        let (kept, modules) = without_tests(&read(text));
        let words: Vec<_> = kept.iter().filter_map(Token::word).collect();
        assert_eq!(words, ["a", "d", "e", "cfg", "not", "test", "fn", "f", "i"]);
        assert_eq!(modules, ["files"]);
    }
}
