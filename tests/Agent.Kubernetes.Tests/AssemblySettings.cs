// The tests wait for the network most of the time, and each has a server of its own: more at once than there are cores.
[assembly: CollectionBehavior(MaxParallelThreads = 4)]
