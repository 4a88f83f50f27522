//! Analogy questions, as Mikolov published them with word2vec (`questions-words.txt`).

/// Longer files of questions are refused.
pub const MAX_QUESTIONS: usize = 64 << 20;

/// A file of questions that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct QuestionsError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: String,
}

/// Analogy questions in their sections: `a` is to `b` as `c` is to `d`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Questions {
    /// The sections in the order of the file.
    pub sections: Vec<QuestionSection>,
}

/// The questions of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuestionSection {
    /// Its name, such as `capital-world`.
    pub name: String,
    /// Each `[a, b, c, d]`.
    pub questions: Vec<[String; 4]>,
}

impl Questions {
    /// Reads questions: lines `: name` begin a section, all others have four words between white
    /// space. Blank lines mean nothing.
    ///
    /// # Errors
    ///
    /// Names the line that is not UTF-8, has another number of words, stands before the first
    /// section, or begins one without a name; and files without questions, or above
    /// [`MAX_QUESTIONS`] bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, QuestionsError> {
        let wrong =
            |line: usize, problem: &str| QuestionsError { line, problem: problem.to_owned() };
        if bytes.len() > MAX_QUESTIONS {
            return Err(wrong(1, "the file is longer than 64 MiB"));
        }
        let mut sections: Vec<QuestionSection> = Vec::new();
        for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
            let number = index + 1;
            let line = std::str::from_utf8(line).map_err(|_| wrong(number, "not UTF-8"))?;
            if let Some(name) = line.strip_prefix(':') {
                if name.trim().is_empty() {
                    return Err(wrong(number, "a section without a name"));
                }
                let name = name.trim().to_owned();
                sections.push(QuestionSection { name, questions: Vec::new() });
                continue;
            }
            // No more are looked at than it takes to see that they are too many.
            let words: Vec<&str> = line.split_whitespace().take(5).collect();
            match (words.as_slice(), sections.last_mut()) {
                ([], _) => {}
                (_, None) => return Err(wrong(number, "a question before the first section")),
                (&[a, b, c, d], Some(section)) => {
                    section.questions.push([a, b, c, d].map(str::to_owned));
                }
                (_, Some(_)) => {
                    let found = line.split_whitespace().count();
                    return Err(wrong(number, &format!("{found} words, not 4")));
                }
            }
        }
        if sections.iter().all(|section| section.questions.is_empty()) {
            return Err(wrong(1, "there are no questions"));
        }
        Ok(Self { sections })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_and_their_questions() {
        let text = ": one two\na b c d\r\n\n e\tf  g h \n:three\ni j k l";
        let Questions { sections } = Questions::parse(text.as_bytes()).unwrap();
        let named: Vec<(&str, usize)> =
            sections.iter().map(|section| (&*section.name, section.questions.len())).collect();
        assert_eq!(named, [("one two", 2), ("three", 1)]);
        assert_eq!(sections[0].questions[1], ["e", "f", "g", "h"]);
    }

    #[test]
    fn malformed_files_name_the_line() {
        for (text, line, problem) in [
            (&b"a b c d\n"[..], 1, "before the first section"),
            (b": s\na b c d\na b c\n", 3, "3 words, not 4"),
            (b": s\na b c d e f\n", 2, "6 words, not 4"),
            (b": s\n: \n", 2, "without a name"),
            (b": s\na b c \xff\n", 2, "not UTF-8"),
            (b"", 1, "no questions"),
            (b": s\n", 1, "no questions"),
        ] {
            let error = Questions::parse(text).unwrap_err();
            assert_eq!(error.line, line, "{error}");
            assert!(error.to_string().contains(problem), "{error}");
        }
    }
}
