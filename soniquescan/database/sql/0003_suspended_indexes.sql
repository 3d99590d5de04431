-- What a first load does without until its end, noted so that the scan after one that was killed makes up for it.

set local search_path to soniquescan;

create table suspended_indexes (
    definition text not null
);
comment on table suspended_indexes is 'Indexes and keys that a first load has dropped; made again at its end, or when the next scan begins.';
comment on column suspended_indexes.definition is 'The statement that makes it.';
