using System.Text;
using YamlDotNet.RepresentationModel;

namespace Agent.Kubernetes.Access;

/// <summary>One place of a kubeconfig file, which may be absent; knows its path for the mistakes.</summary>
internal readonly struct KubeConfigField(string file, string path, YamlNode? node)
{
    public bool IsAbsent => node is null or YamlScalarNode { Value: null or "" or "null" or "~", Style: YamlDotNet.Core.ScalarStyle.Plain };

    /// <summary>Null when absent or empty.</summary>
    public string? Text => IsAbsent ? null
        : node is YamlScalarNode scalar ? (scalar.Value!.Length > 0 ? scalar.Value : null)
        : throw Wrong("must be a text");

    public bool Flag => Text switch
    {
        null or "false" => false,
        "true" => true,
        string other => throw Wrong($"must be true or false, not '{other}'"),
    };

    public IEnumerable<KubeConfigField> Items
    {
        get
        {
            if (IsAbsent)
                return [];
            (string inFile, string at) = (file, path);
            return node is YamlSequenceNode list
                ? list.Select((item, i) => new KubeConfigField(inFile, $"{at}[{i}]", item))
                : throw Wrong("must be a list");
        }
    }

    public KubeConfigField this[string key]
    {
        get
        {
            string at = path.Length > 0 ? $"{path}.{key}" : key;
            if (IsAbsent)
                return new(file, at, null);
            return node is YamlMappingNode mapping
                ? new(file, at, mapping.Children.TryGetValue(new YamlScalarNode(key), out YamlNode? value) ? value : null)
                : throw Wrong("must be a mapping");
        }
    }

    public string Required() => Text ?? throw Wrong("is missing");

    /// <summary>The item whose <c>name</c> it is, in which the fields are under <paramref name="content"/>.</summary>
    public KubeConfigField Named(string name, string content)
    {
        foreach (KubeConfigField item in Items)
        {
            if (item["name"].Text == name)
                return item[content];
        }
        throw Wrong($"has none that is named '{name}'");
    }

    /// <summary>A path of a file; a relative one starts at the directory of the kubeconfig.</summary>
    public string? FilePath => Text is { } name ? Path.GetFullPath(name, Directory) : null;

    public string Directory => Path.GetDirectoryName(Path.GetFullPath(file))!;

    /// <summary>Base64 of a text.</summary>
    public string? Data
    {
        get
        {
            if (Text is not { } text)
                return null;
            byte[] bytes = new byte[text.Length];
            return Convert.TryFromBase64String(text, bytes, out int length) ? Encoding.UTF8.GetString(bytes, 0, length) : throw Wrong("is not base64");
        }
    }

    /// <summary>The file's and field's name, as mistakes begin.</summary>
    public string Origin => node is null ? $"{file}: {path}" : $"{file}:{node.Start.Line}: {path}";

    public AccessException Wrong(string what) => new($"{Origin}: {what}");
}
