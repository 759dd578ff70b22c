//! Lines of any bytes into the store: no panic, no failure of the database, and what is stored can be judged.

use mx_survey::store::{Refused, SurveyWriter, judge, temporary};

/// The input as lines of a stream.
pub fn run(data: &[u8]) {
    let mut writer = SurveyWriter::new(temporary().expect("a database in memory opens"));
    writer.begin().expect("a transaction begins");
    for line in data.split(|&byte| byte == b'\n') {
        if let Err(Refused::Database(error)) = writer.put(line) {
            panic!("{error}");
        }
    }
    writer.commit().expect("it ends");
    let mut connection = writer.into_connection();
    assert!(judge(&mut connection, &false.into()).expect("facts can be judged"));
}
