//! SQL as a list of statements, each of them words: read by a real lexer, so that comments, strings and bodies of functions are known
//! for what they are.

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::{Token, Tokenizer, Whitespace};

/// One statement without its comments.
#[derive(Debug)]
pub(crate) struct Statement {
    /// Counts from 1.
    pub(crate) line: usize,
    pub(crate) words: Vec<Word>,
    /// The comments right before it, one a line.
    pub(crate) comments: Vec<String>,
}

/// A word of SQL, in lower case as Postgres reads it, or what stands between quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    Plain(String),
    /// A string, or the body of a function.
    Text(String),
}

impl Word {
    pub(crate) fn plain(&self) -> &str {
        match self {
            Self::Plain(word) => word,
            Self::Text(_) => "",
        }
    }
}

pub(crate) fn read(sql: &str) -> Vec<Statement> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location();
    let tokens = tokens.unwrap_or_else(|error| panic!("not SQL: {error}"));
    let (mut read, mut comments, mut line, mut words) = (vec![], vec![], 0, vec![]);
    for token in tokens {
        match token.token {
            Token::SemiColon => {
                if !words.is_empty() {
                    read.push(Statement { line, words, comments });
                }
                (words, comments) = (vec![], vec![]);
            }
            Token::Whitespace(Whitespace::SingleLineComment { comment, .. }) if words.is_empty() => {
                comments.push(comment.trim().to_owned());
            }
            Token::Whitespace(_) => {}
            other => {
                if words.is_empty() {
                    line = usize::try_from(token.span.start.line).unwrap_or_default();
                }
                words.push(word(other));
            }
        }
    }
    if !words.is_empty() {
        read.push(Statement { line, words, comments });
    }
    read
}

fn word(token: Token) -> Word {
    match token {
        Token::Word(word) if word.quote_style.is_some() => Word::Plain(word.value),
        Token::Word(word) => Word::Plain(word.value.to_lowercase()),
        Token::DollarQuotedString(text) => Word::Text(text.value),
        Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => Word::Text(text),
        other => Word::Plain(other.to_string()),
    }
}

/// At commas that stand in no brackets.
pub(crate) fn split_at_commas(words: &[Word]) -> Vec<&[Word]> {
    let mut depth = 0_i32;
    words
        .split(|word| {
            depth += i32::from(word.plain() == "(") - i32::from(word.plain() == ")");
            depth == 0 && word.plain() == ","
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_told_from_comments_strings_and_bodies() {
        let sql = "-- One; two.\n\nALTER TABLE \"Beds\" ADD x text; -- after\nDO $$ BEGIN DROP TABLE a; END $$;\nSELECT 'it''s; -- no'";
        let statements = read(sql);
        let lines: Vec<usize> = statements.iter().map(|statement| statement.line).collect();
        assert_eq!(lines, [3, 4, 5]);
        assert_eq!(statements[0].comments, ["One; two."]);
        let words: Vec<&str> = statements[0].words.iter().map(Word::plain).collect();
        assert_eq!(words, ["alter", "table", "Beds", "add", "x", "text"]);
        assert_eq!(statements[1].words[1], Word::Text(" BEGIN DROP TABLE a; END ".to_owned()));
        assert_eq!(statements[2].words[1], Word::Text("it's; -- no".to_owned()));
        let words = &read("a (b, c), d")[0].words;
        assert_eq!(split_at_commas(words).iter().map(|part| part.len()).collect::<Vec<_>>(), [6, 1]);
    }
}
