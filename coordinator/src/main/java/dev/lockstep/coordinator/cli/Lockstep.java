package dev.lockstep.coordinator.cli;

import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.coordinator.cli.RunCommands.Attach;
import dev.lockstep.coordinator.cli.RunCommands.Cancel;
import dev.lockstep.coordinator.cli.RunCommands.ListRuns;
import dev.lockstep.coordinator.cli.RunCommands.ShowReport;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command line's main class. */
@Command(
        name = "lockstep",
        description = "Measures how training scales over the devices of this machine.",
        footer = {
            "",
            "LOCKSTEP_RUN_DIR names the folder that holds the cluster (default: run/ in the install folder).",
            "Exit status: 0 done, 1 a measurement failed, 2 usage, 3 the machine lacks something, 4 no cluster, 130 cancelled."
        })
public final class Lockstep implements Runnable {
    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            scope = CommandLine.ScopeType.INHERIT,
            description = "this text")
    boolean help;

    private Lockstep() {}

    /** Runs a command and ends the process with its exit status. */
    public static void main(String[] arguments) {
        System.exit(run(arguments));
    }

    private static int run(String... arguments) {
        try {
            return execute(Shell.ofProcess(), arguments);
        } catch (CommandException e) {
            System.err.println(Messages.error(e.getMessage()));
            return e.status().code();
        }
    }

    /** Runs a command; its exit status. */
    static int execute(Shell shell, String... arguments) {
        CommandLine commandLine = new CommandLine(new Lockstep());
        List<Object> commands = List.of(
                new Quickstart(shell),
                new StartCluster(shell),
                new StopCluster(shell),
                new ClusterCommands.Devices(shell),
                new ClusterCommands.Status(shell),
                new Run(shell),
                new Trace(shell),
                new Verify(shell),
                new CudaNativesCommand(shell),
                new GpuSelftest(shell),
                new Overhead(shell),
                new ComparePytorch(shell),
                new ListRuns(shell),
                new ShowReport(shell),
                new Compare(shell),
                new Cancel(shell),
                new Attach(shell));
        commands.forEach(commandLine::addSubcommand);
        commandLine.setOut(new PrintWriter(shell.out(), true, StandardCharsets.US_ASCII));
        commandLine.setErr(new PrintWriter(shell.err(), true, StandardCharsets.US_ASCII));
        RunOptions runOptions = new RunOptions(shell.directory());
        for (String command : List.of("run", "quickstart", "compare-pytorch")) {
            runOptions.addTo(commandLine.getSubcommands().get(command).getCommandSpec());
        }
        CommandSpec trace = commandLine.getSubcommands().get("trace").getCommandSpec();
        Trace.SETTINGS.forEach(setting -> trace.addOption(runOptions.option(setting)));
        CommandSpec overhead = commandLine.getSubcommands().get("overhead").getCommandSpec();
        Overhead.SETTINGS.forEach(setting -> overhead.addOption(runOptions.option(setting)));
        commandLine.setParameterExceptionHandler((e, args) -> {
            shell.err().println(Messages.error(usage(e)));
            return ExitStatus.USAGE.code();
        });
        commandLine.setExecutionExceptionHandler((e, command, parsed) -> {
            shell.err()
                    .println(Messages.error(
                            e instanceof CommandException || e instanceof LockstepException
                                    ? e.getMessage()
                                    : defect(e)));
            return status(e).code();
        });
        return commandLine.execute(arguments);
    }

    @Override
    public void run() {
        throw new CommandException(ExitStatus.USAGE, "no command given, see lockstep --help");
    }

    private static ExitStatus status(Exception exception) {
        if (exception instanceof CommandException command) {
            return command.status();
        }
        if (exception instanceof LockstepException failure) {
            return ExitStatus.of(failure.failure().category());
        }
        return ExitStatus.FAILED;
    }

    private static String usage(ParameterException exception) {
        CommandLine command = exception.getCommandLine();
        String cause = exception instanceof UnmatchedArgumentException unmatched
                ? unmatched(unmatched.getUnmatched().get(0), command)
                : Messages.uncapitalised(exception.getMessage());
        return cause + ", see " + command.getCommandSpec().qualifiedName() + " --help";
    }

    private static String unmatched(String argument, CommandLine command) {
        if (argument.startsWith("-")) {
            return "unknown option " + argument;
        }
        return (command.getSubcommands().isEmpty() ? "unexpected argument '" : "unknown command '") + argument + "'";
    }

    private static String defect(Exception exception) {
        StackTraceElement[] trace = exception.getStackTrace();
        String place = trace.length == 0 ? "" : " at " + trace[0];
        return "this is a defect of Lockstep, please report it: " + exception + place;
    }
}
