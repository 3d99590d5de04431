-- A file whose disk is rather away than gone has not moved: what looks like it is a copy.
delete from moves as m
      using tracks as t,
            unnest(%(refused)s::text[]) as folder
      where t.id = m.old_id
        and t.missing_since is null
        and starts_with(t.path, rtrim(folder, '/') || '/');
