// Some tests start a compiler: between fork and exec the child shares every descriptor, and a socket that another test closes would live on.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
