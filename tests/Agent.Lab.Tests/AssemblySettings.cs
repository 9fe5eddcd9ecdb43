// The labs load the machine, and failures are timed: one test at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
