# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_pgcommons_global_optspecs
    string join \n config.file= config.check web.listen-address= web.telemetry-path= web.config.file= log.level= web.page= state.dir= log.format= h/help V/version
end

function __fish_pgcommons_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_pgcommons_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_pgcommons_using_subcommand
    set -l cmd (__fish_pgcommons_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c pgcommons -n "__fish_pgcommons_needs_command" -l config.file -d 'YAML file with servers, budgets and intervals' -r -F
complete -c pgcommons -n "__fish_pgcommons_needs_command" -l web.listen-address -d 'Address to listen on, such as 127.0.0.1:19187; without a host, on all addresses. May be repeated' -r
complete -c pgcommons -n "__fish_pgcommons_needs_command" -l web.telemetry-path -d 'Path of the metrics' -r
complete -c pgcommons -n "__fish_pgcommons_needs_command" -l web.config.file -d 'YAML file with TLS and users of the listener, in the format of Prometheus exporters' -r -F
complete -c pgcommons -n "__fish_pgcommons_needs_command" -l log.level -d 'Log level' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c pgcommons -n "__fish_pgcommons_needs_command" -l web.page -d 'Whether there are the live page and /api/v1/status: true or false' -r
complete -c pgcommons -n "__fish_pgcommons_needs_command" -l state.dir -d 'Directory in which the history of the live page survives restarts' -r
complete -c pgcommons -n "__fish_pgcommons_needs_command" -l log.format -d 'Form of the log lines' -r -f -a "text\t''
logfmt\t''
json\t''"
complete -c pgcommons -n "__fish_pgcommons_needs_command" -l config.check -d 'Check the configuration and exit'
complete -c pgcommons -n "__fish_pgcommons_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgcommons -n "__fish_pgcommons_needs_command" -s V -l version -d 'Print version'
complete -c pgcommons -n "__fish_pgcommons_needs_command" -f -a "check" -d 'Poll once and print databases and roles, worst first; exit code 0 ok, 1 warning, 2 critical, 3 unknown'
complete -c pgcommons -n "__fish_pgcommons_needs_command" -f -a "top" -d 'Show databases and resources in the terminal, again and again, worst first; until Ctrl-C'
complete -c pgcommons -n "__fish_pgcommons_needs_command" -f -a "backups" -d 'Read the backups once and print the newest of each database, worst first; exit code 0 ok, 1 warning, 2 critical, 3 unknown'
complete -c pgcommons -n "__fish_pgcommons_needs_command" -f -a "audit" -d 'Show which tenants the privileges keep apart, and the SQL that closes what is open; exit codes as check'
complete -c pgcommons -n "__fish_pgcommons_needs_command" -f -a "workspaces" -d 'Print how the rows of the databases that are probed are shared out among workspaces; exit code 0, or 3 if it is unknown'
complete -c pgcommons -n "__fish_pgcommons_needs_command" -f -a "plan" -d 'Compare declared pools, connections and sizes with what the server has; exit codes as check'
complete -c pgcommons -n "__fish_pgcommons_needs_command" -f -a "advise" -d 'Say from days of history which limits to set, which database should move out, and which servers would fit in one; exit code 0 nothing to do, 1 advice, 3 cannot tell'
complete -c pgcommons -n "__fish_pgcommons_needs_command" -f -a "notify" -d 'Send a test notification to each receiver of the configuration; exit code 0 if all accepted it, else 1'
complete -c pgcommons -n "__fish_pgcommons_needs_command" -f -a "role-sql" -d 'Print the SQL that creates the least-privilege role for the agent'
complete -c pgcommons -n "__fish_pgcommons_needs_command" -f -a "tenant-sql" -d 'Print the psql script that creates a tenant: database, roles, limits, closed for others'
complete -c pgcommons -n "__fish_pgcommons_needs_command" -f -a "healthcheck" -d 'Check that the agent on this host answers; exit code 0 or 1'
complete -c pgcommons -n "__fish_pgcommons_using_subcommand check" -l warning -d 'Fraction of a limit at which the status is warning' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand check" -l critical -d 'Fraction of a limit at which the status is critical; without headroom it always is' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand check" -l timeout -d 'Maximum time for measuring sizes' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand check" -l limit -d 'How many sessions of each server are listed' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand check" -l config.file -d 'YAML file with servers, budgets and intervals' -r -F
complete -c pgcommons -n "__fish_pgcommons_using_subcommand check" -l log.level -d 'Log level' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c pgcommons -n "__fish_pgcommons_using_subcommand check" -l json -d 'Print JSON'
complete -c pgcommons -n "__fish_pgcommons_using_subcommand check" -l sessions -d 'List sessions instead: those in a transaction, the oldest first, then the others, the longest in their state first'
complete -c pgcommons -n "__fish_pgcommons_using_subcommand check" -l with-query -d 'Also show the beginning of their queries, which may contain secrets'
complete -c pgcommons -n "__fish_pgcommons_using_subcommand check" -s h -l help -d 'Print help'
complete -c pgcommons -n "__fish_pgcommons_using_subcommand top" -l interval -d 'How often the screen is written again' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand top" -l config.file -d 'YAML file with servers, budgets and intervals' -r -F
complete -c pgcommons -n "__fish_pgcommons_using_subcommand top" -l log.level -d 'Log level' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c pgcommons -n "__fish_pgcommons_using_subcommand top" -s h -l help -d 'Print help'
complete -c pgcommons -n "__fish_pgcommons_using_subcommand backups" -l path -d 'Directory of backups, instead of those in the configuration; may be repeated' -r -F
complete -c pgcommons -n "__fish_pgcommons_using_subcommand backups" -l preset -d 'Tool that names the files' -r -f -a "plain\t''
coolify\t''
prodrigestivill\t''
tiredofit\t''
pg_dumpall\t''"
complete -c pgcommons -n "__fish_pgcommons_using_subcommand backups" -l pattern -d 'Pattern of file names, as in {database}-{timestamp}.sql.gz; may be repeated' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand backups" -l max-age -d 'Age at which the newest complete backup of a database is stale' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand backups" -l exclude -d 'Databases that need no backup; patterns with * and ?; may be repeated' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand backups" -l timeout -d 'Maximum time for reading the files of one server' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand backups" -l max-bytes-per-second -d 'How fast the files are read, instead of the limit in the configuration' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand backups" -l config.file -d 'YAML file with servers, budgets and intervals' -r -F
complete -c pgcommons -n "__fish_pgcommons_using_subcommand backups" -l log.level -d 'Log level' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c pgcommons -n "__fish_pgcommons_using_subcommand backups" -l json -d 'Print JSON'
complete -c pgcommons -n "__fish_pgcommons_using_subcommand backups" -s h -l help -d 'Print help'
complete -c pgcommons -n "__fish_pgcommons_using_subcommand audit" -l server -d 'Only this server of the configuration' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand audit" -l config.file -d 'YAML file with servers, budgets and intervals' -r -F
complete -c pgcommons -n "__fish_pgcommons_using_subcommand audit" -l log.level -d 'Log level' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c pgcommons -n "__fish_pgcommons_using_subcommand audit" -l json -d 'Print JSON'
complete -c pgcommons -n "__fish_pgcommons_using_subcommand audit" -l sql -d 'Print the SQL that repairs what needs no decision, as one transaction'
complete -c pgcommons -n "__fish_pgcommons_using_subcommand audit" -l sarif -d 'Print SARIF 2.1.0'
complete -c pgcommons -n "__fish_pgcommons_using_subcommand audit" -s h -l help -d 'Print help'
complete -c pgcommons -n "__fish_pgcommons_using_subcommand workspaces" -l timeout -d 'Maximum time for the scans of one database' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand workspaces" -l server -d 'Only this server of the configuration' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand workspaces" -l database -d 'Only this database' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand workspaces" -l config.file -d 'YAML file with servers, budgets and intervals' -r -F
complete -c pgcommons -n "__fish_pgcommons_using_subcommand workspaces" -l log.level -d 'Log level' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c pgcommons -n "__fish_pgcommons_using_subcommand workspaces" -l exact -d 'Count rows and bytes by a scan of each table, instead of an estimate'
complete -c pgcommons -n "__fish_pgcommons_using_subcommand workspaces" -l json -d 'Print JSON'
complete -c pgcommons -n "__fish_pgcommons_using_subcommand workspaces" -s h -l help -d 'Print help'
complete -c pgcommons -n "__fish_pgcommons_using_subcommand plan" -l max-connections -d '`max_connections` of the server' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand plan" -l reserved-connections -d 'Slots of them that ordinary roles cannot use' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand plan" -l storage -d 'Storage of the server, such as 128GiB; instead of `storage.size` in the configuration' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand plan" -l memory -d 'Memory that PostgreSQL may use, such as 2GiB; instead of `memory` in the configuration' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand plan" -l shared-buffers -d '`shared_buffers` of the server; read with --live, else 128MiB is assumed' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand plan" -l work-mem -d '`work_mem` of the server; read with --live, else 4MiB is assumed' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand plan" -l server -d 'Only this server of the configuration' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand plan" -l config.file -d 'YAML file with servers, budgets and intervals' -r -F
complete -c pgcommons -n "__fish_pgcommons_using_subcommand plan" -l log.level -d 'Log level' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c pgcommons -n "__fish_pgcommons_using_subcommand plan" -l live -d 'Read connection slots, memory settings, limits, owners and roles from the configured servers, and compare them too'
complete -c pgcommons -n "__fish_pgcommons_using_subcommand plan" -l json -d 'Print JSON'
complete -c pgcommons -n "__fish_pgcommons_using_subcommand plan" -s h -l help -d 'Print help'
complete -c pgcommons -n "__fish_pgcommons_using_subcommand advise" -l prometheus -d 'Address of Prometheus, or of a program with its API; without it the agent\'s own history in state.dir is read' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand advise" -l days -d 'How many days of history are used' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand advise" -l server -d 'Only this server' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand advise" -l together -d 'Whether these servers would fit in one: their names, with commas between them' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand advise" -l without -d 'What happens to the others if this database moves out' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand advise" -l instances -d 'Instances of an application whose pools the configuration does not declare' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand advise" -l user -d 'User for basic authentication' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand advise" -l password-file -d 'File with the password of the user' -r -F
complete -c pgcommons -n "__fish_pgcommons_using_subcommand advise" -l bearer-token-file -d 'File with a bearer token' -r -F
complete -c pgcommons -n "__fish_pgcommons_using_subcommand advise" -l ca-file -d 'File with the CAs of the certificate of the address; by default those of the operating system' -r -F
complete -c pgcommons -n "__fish_pgcommons_using_subcommand advise" -l timeout -d 'Maximum time for each query' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand advise" -l config.file -d 'YAML file with servers, budgets and intervals' -r -F
complete -c pgcommons -n "__fish_pgcommons_using_subcommand advise" -l log.level -d 'Log level' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c pgcommons -n "__fish_pgcommons_using_subcommand advise" -l json -d 'Print JSON'
complete -c pgcommons -n "__fish_pgcommons_using_subcommand advise" -l explain -d 'Also print each query and its answer'
complete -c pgcommons -n "__fish_pgcommons_using_subcommand advise" -s h -l help -d 'Print help'
complete -c pgcommons -n "__fish_pgcommons_using_subcommand notify" -l receiver -d 'Only this receiver of the configuration' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand notify" -l config.file -d 'YAML file with servers, budgets and intervals' -r -F
complete -c pgcommons -n "__fish_pgcommons_using_subcommand notify" -l log.level -d 'Log level' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c pgcommons -n "__fish_pgcommons_using_subcommand notify" -s h -l help -d 'Print help'
complete -c pgcommons -n "__fish_pgcommons_using_subcommand role-sql" -l role -d 'Name of the role' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand role-sql" -l dbname -d 'Database that the agent will connect to' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand role-sql" -l password-file -d 'File with the password of the role; the SQL contains it as a SCRAM verifier' -r -F
complete -c pgcommons -n "__fish_pgcommons_using_subcommand role-sql" -l server-version -d 'Major version of the server, 13 to 18; by default it is read from the configured server' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand role-sql" -l probe -d 'Also print the grants for a probe of this database' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand role-sql" -l workspace-column -d 'Column of the workspaces in that database' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand role-sql" -l workspace-tables -d 'Tables that count, by a pattern with * and ?; may be repeated' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand role-sql" -l config.file -d 'YAML file with servers, budgets and intervals' -r -F
complete -c pgcommons -n "__fish_pgcommons_using_subcommand role-sql" -l log.level -d 'Log level' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c pgcommons -n "__fish_pgcommons_using_subcommand role-sql" -s h -l help -d 'Print help'
complete -c pgcommons -n "__fish_pgcommons_using_subcommand tenant-sql" -l connections -d 'Maximum number of connections of the database, and of each login role' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand tenant-sql" -l owner -d 'Role that owns the database; by default it has the name of the database' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand tenant-sql" -l login -d 'Role that logs in as a member of the owner, may be repeated; by default the owner logs in' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand tenant-sql" -l password-file -d 'File with the password of the role that logs in; the SQL contains it as a SCRAM verifier' -r -F
complete -c pgcommons -n "__fish_pgcommons_using_subcommand tenant-sql" -l server-version -d 'Major version of the server, 13 to 18; the script is the same for all' -r
complete -c pgcommons -n "__fish_pgcommons_using_subcommand tenant-sql" -l config.file -d 'YAML file with servers, budgets and intervals' -r -F
complete -c pgcommons -n "__fish_pgcommons_using_subcommand tenant-sql" -l log.level -d 'Log level' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c pgcommons -n "__fish_pgcommons_using_subcommand tenant-sql" -l drop -d 'Print the script that drops the database with all its data, its owner and these login roles'
complete -c pgcommons -n "__fish_pgcommons_using_subcommand tenant-sql" -s h -l help -d 'Print help'
complete -c pgcommons -n "__fish_pgcommons_using_subcommand healthcheck" -l config.file -d 'YAML file with servers, budgets and intervals' -r -F
complete -c pgcommons -n "__fish_pgcommons_using_subcommand healthcheck" -l log.level -d 'Log level' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c pgcommons -n "__fish_pgcommons_using_subcommand healthcheck" -l ready -d 'Also check that at least one server is up'
complete -c pgcommons -n "__fish_pgcommons_using_subcommand healthcheck" -s h -l help -d 'Print help'
