-- Before any migration, in its transaction: wait for whoever migrates at the moment, then make what notes them.

-- One number in the whole database by which two processes mean the same lock. It has no meaning.
select pg_advisory_xact_lock(7361450928113);

-- "create schema if not exists" asks for the right to create even where the schema is there already.
do $$
begin
    if to_regnamespace('soniquescan') is null then
        create schema soniquescan;
    end if;
end
$$;

create table if not exists soniquescan.migrations (
    number     integer     primary key,
    name       text        not null,
    applied_at timestamptz not null default now()
);
