-- After a scan that has looked at every file under its roots: errors that it did not meet again are over.
delete from file_errors as e
      using scans as s,
            unnest(s.roots) as root
      where s.id       = %(scan_id)s
        and e.scan_id <> s.id
        and (e.path = root or starts_with(e.path, rtrim(root, '/') || '/'));
